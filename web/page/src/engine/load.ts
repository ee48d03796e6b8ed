/** Loads the engine: the module with relaxed SIMD where the browser has that and the processor fuses. */

import type * as Module from 'depthwise-engine/simd128.js';
import relaxedSimd from 'depthwise-engine/relaxed-simd.wasm?url';
import simd128 from 'depthwise-engine/simd128.wasm?url';

import { hasRelaxedSimd } from './features';

export type EngineModule = typeof Module;
export type { Campaign, Layer, Teacher } from 'depthwise-engine/simd128.js';

export interface Loaded {
  readonly engine: EngineModule;
  readonly memory: WebAssembly.Memory;
  /** What it was doing when it trapped: the command that repeats the case. */
  running(): string | undefined;
}

async function start(engine: EngineModule, url: string): Promise<Loaded> {
  const { memory, depthwise_running } = await engine.default({ module_or_path: url });
  const running = () => {
    const text = new Uint8Array(memory.buffer, depthwise_running());
    return text.byteOffset > 0 ? new TextDecoder().decode(text.subarray(0, text.indexOf(0))) : undefined;
  };
  return { engine, memory, running };
}

export async function load(): Promise<Loaded> {
  if (hasRelaxedSimd()) {
    const relaxed = await start(await import('depthwise-engine/relaxed-simd.js'), relaxedSimd);
    if (relaxed.engine.isa() === 'simd128-relaxed') return relaxed;
  }
  return start(await import('depthwise-engine/simd128.js'), simd128);
}
