/** Loads the engine: the module with relaxed SIMD where the browser has that. */

import type * as Module from 'depthwise-engine/simd128.js';
import relaxedSimd from 'depthwise-engine/relaxed-simd.wasm?url';
import simd128 from 'depthwise-engine/simd128.wasm?url';

import { hasRelaxedSimd } from './features';

export type EngineModule = typeof Module;
export type { Campaign, Layer, Teacher } from 'depthwise-engine/simd128.js';

export interface Loaded {
  readonly engine: EngineModule;
  readonly memory: WebAssembly.Memory;
}

export async function load(): Promise<Loaded> {
  const [engine, url] = hasRelaxedSimd()
    ? [(await import('depthwise-engine/relaxed-simd.js')) as EngineModule, relaxedSimd]
    : [await import('depthwise-engine/simd128.js'), simd128];
  const { memory } = await engine.default({ module_or_path: url });
  return { engine, memory };
}
