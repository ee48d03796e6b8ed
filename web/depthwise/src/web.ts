import { type FileName, type Load, loader } from './load.js';

export * from './exports.js';

// Spelled out, for bundlers to find the files.
const FILES: Record<FileName, () => URL> = {
  simd128: () => new URL('./wasm/simd128.wasm', import.meta.url),
  'relaxed-simd': () => new URL('./wasm/relaxed-simd.wasm', import.meta.url),
  'simd128-all': () => new URL('./wasm/simd128-all.wasm', import.meta.url),
  'relaxed-simd-all': () => new URL('./wasm/relaxed-simd-all.wasm', import.meta.url),
};

/** Loads a module, which a browser fetches. */
export const load: Load = loader((file) => FILES[file]());
