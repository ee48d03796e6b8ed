// The benchmark in a page: chromium.mjs bundles this, calls `depthwiseBench` and reads its result.

import '@tensorflow/tfjs-backend-wasm';

import * as library from '@litertjs/core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { load } from 'depthwise';
import * as ort from 'onnxruntime-web/wasm';

import { run } from './src/run.mjs';
import { depthwise } from './src/subjects/depthwise.mjs';
import { litert } from './src/subjects/litert.mjs';
import { onnxruntime } from './src/subjects/onnxruntime.mjs';
import { tfjs } from './src/subjects/tfjs.mjs';

const at = (file) => new URL(`/node_modules/${file}`, location.href).href;
const source = (file) => at(`depthwise/dist/wasm/${file}.wasm`);

async function loadTfjs() {
  setWasmPaths(at('@tensorflow/tfjs-backend-wasm/dist/'));
  await tf.setBackend('wasm');
  await tf.ready();
  return tf;
}

async function loadLitert() {
  await library.loadLiteRt(at('@litertjs/core/wasm/litert_wasm_compat_internal.js'));
  return library;
}

function loadOnnxruntime() {
  ort.env.wasm.wasmPaths = at('onnxruntime-web/dist/');
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  return ort;
}

/** Runs the benchmark; `modules` are the probes of the roofline, in Base64, and lines to the console begin with `mark`. */
globalThis.depthwiseBench = async ({ layers, subject, rounds, modules, mark }) => {
  const subjects = [
    ...depthwise(await load({ module: 'simd128', kernels: 'all', source })),
    ...depthwise(await load({ module: 'relaxed-simd', kernels: 'all', source })),
    tfjs(await loadTfjs()),
    litert(await loadLitert()),
    onnxruntime(loadOnnxruntime()),
  ];
  const decoded = Object.entries(modules).map(([name, base64]) => [
    name,
    Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
  ]);
  const clock = { rounds, now: () => performance.now() };
  const log = (line) => console.log(mark + line);
  return run({ layers, subjects, wanted: subject, modules: Object.fromEntries(decoded), clock, log });
};
