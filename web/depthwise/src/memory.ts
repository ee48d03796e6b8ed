import { DepthwiseError } from './error.js';
import { Tensor } from './tensor.js';
import type * as Glue from './wasm/simd128.js';

export type RawTensor = Glue.Tensor;

/** A tensor in the module's memory, or elements elsewhere, which are copied. */
export type Operand = Float32Array | Tensor;

/** The arguments of a pass by what becomes of them: at most one of each is copied into memory. */
export type Slot = 'source' | 'second' | 'bias' | 'results';

/** The module's memory: views of it, and room for arguments that come from elsewhere. That room grows to what the
 * largest call takes and is used by all, so that calls take no memory. */
export class Memory {
  readonly #memory: WebAssembly.Memory;
  readonly #room: Record<Slot, RawTensor>;

  constructor(memory: WebAssembly.Memory, newTensor: () => RawTensor) {
    this.#memory = memory;
    const [source, second, bias, results] = [newTensor(), newTensor(), newTensor(), newTensor()];
    this.#room = { source, second, bias, results };
  }

  /** Bytes, used or not. */
  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  /** The elements of a tensor, where they are now. */
  view(tensor: RawTensor): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#memory.buffer as ArrayBuffer, tensor.address, tensor.length);
  }

  /** The operand as a tensor of this memory, with its elements if they are to be read. */
  enter(slot: Slot, operand: Operand, check: (length: number) => void, read: boolean): RawTensor {
    if (operand instanceof Tensor) return operand.rawIn(this);
    if (!(operand instanceof Float32Array)) {
      throw new DepthwiseError('an argument is neither a Float32Array nor a Tensor');
    }
    if (operand.buffer === this.#memory.buffer) {
      throw new DepthwiseError('an argument is a view of a Tensor: pass the Tensor, which stays valid');
    }
    check(Math.min(operand.length, 2 ** 32 - 1));
    const tensor = this.#room[slot];
    tensor.resize(operand.length);
    if (read) this.view(tensor).set(operand);
    return tensor;
  }

  /** Copies results to where they belong. */
  leave(tensor: RawTensor, operand: Operand): void {
    if (operand instanceof Float32Array) operand.set(this.view(tensor));
  }

  /** Frees the room. */
  trim(): void {
    for (const tensor of Object.values(this.#room)) tensor.clear();
  }
}
