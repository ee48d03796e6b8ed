// What the command line says.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { NETWORKS, read } from './layers.mjs';

const TABLE = new URL('../../../crates/cli/networks.csv', import.meta.url);

/** The options and their defaults; `json` is where the results go. */
export function options(json) {
  const { values } = parseArgs({
    options: {
      net: { type: 'string', multiple: true, default: NETWORKS },
      layer: { type: 'string', default: '' },
      subject: { type: 'string', multiple: true, default: ['depthwise', 'tfjs-wasm', 'litert.js', 'onnxruntime-web'] },
      rounds: { type: 'string', default: '31' },
      json: { type: 'string', default: json },
    },
  });
  const layers = read(readFileSync(TABLE, 'utf8'), values.net).filter(({ shape }) => shape.includes(values.layer));
  return { ...values, layers, rounds: Number(values.rounds) };
}

/** Versions of what is measured and what it needs. */
export function versions(packages) {
  const version = (name) => {
    const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
    return JSON.parse(readFileSync(file, 'utf8')).version;
  };
  return Object.fromEntries(packages.map((name) => [name, version(name)]));
}

/** The packages that are measured. */
export const PACKAGES = ['depthwise', '@tensorflow/tfjs-backend-wasm', '@litertjs/core', 'onnxruntime-web'];
