import { readFile } from 'node:fs/promises';

import { type Load, loader } from './load.js';

export * from './exports.js';

/** Loads a module, from the file beside this one. */
export const load: Load = loader((file) =>
  readFile(new URL(`./wasm/${file}.wasm`, import.meta.url)),
);
