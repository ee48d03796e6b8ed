import { Conv2d } from './conv2d.js';
import { DepthwiseError } from './error.js';
import { Memory } from './memory.js';
import type { Conv2dOptions } from './options.js';
import { Tensor } from './tensor.js';
import type * as Glue from './wasm/simd128.js';

/** A module by what it needs of the engine. */
export type ModuleName = 'simd128' | 'relaxed-simd';

/** An instruction set: relaxed SIMD rounds a multiply-add once, so its results differ in the last bits. */
export type Isa = 'simd128' | 'simd128-relaxed';

/** A loaded module: makes convolutions and tensors. */
export class Depthwise {
  /** What it runs on. */
  readonly isa: Isa;
  /** What tiles are chosen for: `arm64` or `x86-64`. */
  readonly machine: string;
  readonly #glue: typeof Glue;
  readonly #memory: Memory;

  /** @internal */
  constructor(module: ModuleName, glue: typeof Glue, memory: WebAssembly.Memory, machine?: string) {
    this.isa = module === 'simd128' ? 'simd128' : 'simd128-relaxed';
    this.machine = machine ?? glue.hostMachine();
    this.#glue = glue;
    this.#memory = new Memory(memory, () => new glue.Tensor(0));
  }

  /** Bytes of the module's memory, used or not: it never shrinks, and grows only when it must. */
  get memorySize(): number {
    return this.#memory.size;
  }

  /**
   * A convolution.
   *
   * @throws {DepthwiseError} for options that describe none.
   */
  conv2d(options: Conv2dOptions): Conv2d {
    try {
      return new Conv2d(this.#memory, this.#glue, { machine: this.machine, ...options });
    } catch (error) {
      throw DepthwiseError.from(error);
    }
  }

  /**
   * Elements in the module's memory: so many zeros, or a copy.
   *
   * @throws {DepthwiseError} if there is no memory for them.
   */
  tensor(elements: number | ArrayLike<number>): Tensor {
    const length = typeof elements === 'number' ? elements : elements.length;
    if (!Number.isInteger(length) || length < 0 || length > 2 ** 32 - 1) {
      throw new DepthwiseError(`a tensor of length ${length} can't be`);
    }
    try {
      const tensor = new Tensor(this.#memory, new this.#glue.Tensor(length));
      if (typeof elements !== 'number') tensor.view().set(elements);
      return tensor;
    } catch (error) {
      throw DepthwiseError.from(error);
    }
  }

  /** Frees the memory that arguments are copied to; calls that need it take it again. */
  trim(): void {
    this.#memory.trim();
  }
}
