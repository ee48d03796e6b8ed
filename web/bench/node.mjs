// The benchmark in Node: `node node.mjs [--net NET] [--layer PART] [--subject NAME] [--rounds N] [--json FILE]`.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';

import { PACKAGES, options, versions } from './src/options.mjs';
import { write } from './src/results.mjs';
import { sources } from './src/roofline.mjs';
import { run } from './src/run.mjs';
import { depthwise } from './src/subjects/depthwise.mjs';
import { litert } from './src/subjects/litert.mjs';
import { onnxruntime } from './src/subjects/onnxruntime.mjs';
import { tfjs } from './src/subjects/tfjs.mjs';
import { assemble } from './src/wat.mjs';

// All code is optimised before it is timed: large modules would be in the baseline tier for long.
const FLAGS = ['--no-liftoff', '--wasm-lazy-compilation', '--experimental-wasm-relaxed-simd'];
FLAGS.forEach((flag) => v8.setFlagsFromString(flag));

/** Milliseconds of processor time: what else the machine runs is not in it. */
const now = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
};

/** tfjs, whose file for Node is CommonJS. */
async function loadTfjs(require) {
  const tf = require('@tensorflow/tfjs-core');
  require('@tensorflow/tfjs-backend-wasm');
  await tf.setBackend('wasm');
  await tf.ready();
  return tf;
}

/** LiteRT.js, which is for browsers: it gets what it takes from a worker of theirs. The module is the one without relaxed SIMD,
 * which V8 runs faster. */
async function loadLitert(require) {
  const directory = fileURLToPath(new URL('node_modules/@litertjs/core/wasm', import.meta.url));
  const name = `${directory}/litert_wasm_compat_internal`;
  const importScripts = (file) => vm.runInThisContext(readFileSync(file, 'utf8'), { filename: file });
  const Module = { wasmBinary: readFileSync(`${name}.wasm`), locateFile: (file) => path.join(directory, file), print() {}, printErr() {} };
  Object.assign(globalThis, { require, __dirname: directory, __filename: name, self: globalThis, importScripts, Module });
  const library = await import('@litertjs/core');
  // It complains that there is no GPU.
  const { error, warn } = console;
  console.error = console.warn = () => {};
  await library.loadLiteRt(`${name}.js`);
  Object.assign(console, { error, warn });
  return library;
}

async function loadOnnxruntime() {
  const ort = await import('onnxruntime-web/wasm');
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  return ort;
}

const chosen = options('results/node.json');
const { load } = await import('depthwise');
const require = createRequire(import.meta.url);
const subjects = [
  ...depthwise(await load({ module: 'simd128', kernels: 'all' })),
  ...depthwise(await load({ module: 'relaxed-simd', kernels: 'all' })),
  tfjs(await loadTfjs(require)),
  litert(await loadLitert(require)),
  onnxruntime(await loadOnnxruntime()),
];
const results = await run({
  layers: chosen.layers,
  subjects,
  wanted: chosen.subject,
  modules: await assemble(sources(true)),
  clock: { rounds: chosen.rounds, now },
  log: console.log,
});
const environment = {
  engine: `Node ${process.versions.node}, V8 ${process.versions.v8}`,
  clock: 'processor time',
  statistic: 'median',
  flags: FLAGS,
  cpu: os.cpus()[0].model,
  date: new Date().toISOString().slice(0, 10),
  versions: versions(PACKAGES),
};
write(chosen.json, { environment, ...results });
// tfjs and LiteRT.js keep something that would keep the process.
process.exit(0);
