import { Depthwise, type ModuleName } from './depthwise.js';
import { DepthwiseError } from './error.js';
import { hasFusedMultiplyAdd, hasSimd128 } from './probe.js';
import type * as Glue from './wasm/simd128.js';

/** How a module is loaded. */
export interface LoadOptions {
  /** Which one; the fastest that the engine has unless told. */
  readonly module?: ModuleName;
  /** Where its `.wasm` file is, or its bytes, or itself; the file beside the package's JavaScript unless told. */
  readonly source?: Source | ((module: ModuleName) => Source | Promise<Source>);
  /** What tiles are chosen for, `arm64` or `x86-64`; the host unless told. */
  readonly machine?: string;
}

/** A `.wasm` file, wherever it is. */
export type Source = string | URL | Request | Response | BufferSource | WebAssembly.Module;

/** Loads a module, once: later calls get the same memory. */
export type Load = (options?: LoadOptions) => Promise<Depthwise>;

const GLUE: Record<ModuleName, () => Promise<typeof Glue>> = {
  simd128: () => import('./wasm/simd128.js'),
  'relaxed-simd': () => import('./wasm/relaxed-simd.js') as Promise<typeof Glue>,
};

const instances: { [module in ModuleName]?: Promise<Instance> } = {};

interface Instance {
  readonly glue: typeof Glue;
  readonly memory: WebAssembly.Memory;
}

/** `load`, for a host that keeps the `.wasm` files where `fallback` says. */
export function loader(fallback: (module: ModuleName) => Source | Promise<Source>): Load {
  return async ({ module = fastest(), source = fallback, machine } = {}) => {
    if (!(module in GLUE)) throw new DepthwiseError(`there is no module ${String(module)}`);
    if (module === 'relaxed-simd' && !hasFusedMultiplyAdd()) {
      throw new DepthwiseError('the engine has no relaxed SIMD whose multiply-add rounds once');
    }
    const instance = (instances[module] ??= instantiate(module, source));
    // What couldn't be loaded may be there another time.
    instance.catch(() => delete instances[module]);
    const { glue, memory } = await instance;
    return new Depthwise(module, glue, memory, machine);
  };
}

/** The fastest module of this engine. */
function fastest(): ModuleName {
  if (!hasSimd128()) throw new DepthwiseError('the engine has no WebAssembly SIMD');
  return hasFusedMultiplyAdd() ? 'relaxed-simd' : 'simd128';
}

async function instantiate(
  module: ModuleName,
  source: NonNullable<LoadOptions['source']>,
): Promise<Instance> {
  const glue = await GLUE[module]();
  const from = typeof source === 'function' ? source(module) : source;
  const { memory } = await glue.default({ module_or_path: from });
  return { glue, memory };
}
