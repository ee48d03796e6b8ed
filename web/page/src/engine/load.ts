/** Loads the engine: the module with relaxed SIMD where the browser has that. */

import init from 'depthwise-engine';
import relaxed from 'depthwise-engine/relaxed-simd.wasm?url';
import simd from 'depthwise-engine/simd128.wasm?url';

import { hasRelaxedSimd } from './features';

export async function load(): Promise<WebAssembly.Memory> {
  const { memory } = await init({ module_or_path: hasRelaxedSimd() ? relaxed : simd });
  return memory;
}
