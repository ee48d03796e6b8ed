import { Depthwise, type ModuleName } from './depthwise.js';
import { DepthwiseError } from './error.js';
import { hasFusedMultiplyAdd, hasSimd128 } from './probe.js';
import type * as Glue from './wasm/simd128.js';

/** How a module is loaded. */
export interface LoadOptions {
  /** Which one; the fastest that the engine has unless told. */
  readonly module?: ModuleName;
  /** What it has tuned kernels for: `3x3`, and little else, in a small file, or `all` kernels that the library has.
   * Other windows are computed by general kernels, to the same bits, 2 to 15 times as slowly. `3x3` unless told. */
  readonly kernels?: Kernels;
  /** Where its `.wasm` file is, or its bytes, or itself; the file beside the package's JavaScript unless told. */
  readonly source?: Source | ((file: FileName) => Source | Promise<Source>);
  /** What tiles are chosen for, `arm64` or `x86-64`; the host unless told. */
  readonly machine?: string;
}

/** A `.wasm` file, wherever it is. */
export type Source = string | URL | Request | Response | BufferSource | WebAssembly.Module;

/** Loads a module, once: later calls get the same memory. */
export type Load = (options?: LoadOptions) => Promise<Depthwise>;

/** The tuned kernels of a module. */
export type Kernels = '3x3' | 'all';

/** A `.wasm` file of the package, without the ending. */
export type FileName = ModuleName | `${ModuleName}-all`;

// Each has a copy of the glue, for the glue has one instance.
const GLUE: Record<FileName, () => Promise<unknown>> = {
  simd128: () => import('./wasm/simd128.js'),
  'relaxed-simd': () => import('./wasm/relaxed-simd.js'),
  'simd128-all': () => import('./wasm/simd128-all.js'),
  'relaxed-simd-all': () => import('./wasm/relaxed-simd-all.js'),
};

const instances: { [file in FileName]?: Promise<Instance> } = {};

interface Instance {
  readonly glue: typeof Glue;
  readonly memory: WebAssembly.Memory;
}

/** `load`, for a host that keeps the `.wasm` files where `fallback` says. */
export function loader(fallback: (file: FileName) => Source | Promise<Source>): Load {
  return async ({ module = fastest(), kernels = '3x3', source = fallback, machine } = {}) => {
    const file = kernels === 'all' ? (`${module}-all` as const) : module;
    if (!(file in GLUE)) throw new DepthwiseError(`there is no module ${String(module)}`);
    if (module === 'relaxed-simd' && !hasFusedMultiplyAdd()) {
      throw new DepthwiseError('the engine has no relaxed SIMD whose multiply-add rounds once');
    }
    const instance = (instances[file] ??= instantiate(file, source));
    // What couldn't be loaded may be there another time.
    instance.catch(() => delete instances[file]);
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
  file: FileName,
  source: NonNullable<LoadOptions['source']>,
): Promise<Instance> {
  const glue = (await GLUE[file]()) as typeof Glue;
  const from = typeof source === 'function' ? source(file) : source;
  const { memory } = await glue.default({ module_or_path: from });
  return { glue, memory };
}
