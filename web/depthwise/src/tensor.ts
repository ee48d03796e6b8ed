import { DepthwiseError } from './error.js';
import type { Memory, RawTensor } from './memory.js';

/** Elements in the module's memory, which passes take without a copy. */
export class Tensor implements Disposable {
  readonly #memory: Memory;
  #raw: RawTensor | undefined;

  /** @internal */
  constructor(memory: Memory, raw: RawTensor) {
    this.#memory = memory;
    this.#raw = raw;
  }

  /** Number of elements. */
  get length(): number {
    return this.#alive().length;
  }

  /** The elements themselves, to read and to write. A view is for use at once: it is empty as soon as memory has grown. */
  view(): Float32Array<ArrayBuffer> {
    return this.#memory.view(this.#alive());
  }

  /** Frees the memory. What is not disposed of is freed after it was garbage collected. */
  dispose(): void {
    this.#raw?.free();
    this.#raw = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal The tensor in `memory`, where it has to be. */
  rawIn(memory: Memory): RawTensor {
    if (memory !== this.#memory) throw new DepthwiseError('the tensor belongs to another module');
    return this.#alive();
  }

  #alive(): RawTensor {
    if (this.#raw === undefined) throw new DepthwiseError('the tensor has been disposed of');
    return this.#raw;
  }
}
