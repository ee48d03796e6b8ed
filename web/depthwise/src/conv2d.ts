import { DepthwiseError } from './error.js';
import { type Explanation, type Pass, explain } from './explain.js';
import { fastest } from './fastest.js';
import type { Memory, Operand, RawTensor, Slot } from './memory.js';
import { type Conv2dOptions, MACHINES, type RawOptions, oneOf, rawOptions } from './options.js';
import type * as Glue from './wasm/simd128.js';

/** What becomes of the elements that a gradient is written to. */
export interface Update {
  /** Whether the gradient is added to them. They are replaced unless told. */
  readonly accumulate?: boolean;
}

/** How tiles are tuned. */
export interface Tuning {
  /** The passes; all unless told. */
  readonly passes?: readonly Pass[];
  /** Time for each, in milliseconds; several times as much where the engine is still compiling. 50 unless told. */
  readonly milliseconds?: number;
}

const PASSES = ['forward', 'gradInput', 'gradWeight'] as const;

/** A depthwise convolution, checked and planned once, to be run as often as wanted. Every tensor is a
 * `Float32Array` of yours, which is copied in or out, or a {@link Tensor}, which is not. */
export class Conv2d implements Disposable {
  /** Shape of the output, in the order of the input. */
  readonly outputShape: readonly [number, number, number, number];
  readonly #memory: Memory;
  readonly #glue: typeof Glue;
  readonly #options: RawOptions;
  /** Planned for the machine of the options, or for the one that is faster at a pass. */
  #raw: Record<Pass, Glue.Conv> | undefined;

  /** @internal */
  constructor(memory: Memory, glue: typeof Glue, options: Conv2dOptions) {
    this.#options = rawOptions(options, glue);
    const raw = new glue.Conv(this.#options);
    const [a, b, c, d] = raw.outputShape as unknown as [number, number, number, number];
    this.outputShape = [a, b, c, d];
    this.#memory = memory;
    this.#glue = glue;
    this.#raw = { forward: raw, gradInput: raw, gradWeight: raw };
  }

  /**
   * The output, from the input, the filter and a bias for each output channel.
   *
   * @throws {DepthwiseError} for an argument of another length than its shape; the output is untouched.
   */
  forward(
    input: Operand,
    filter: Operand,
    output: Operand,
    { bias }: { readonly bias?: Operand | undefined } = {},
  ): void {
    const { Input, Filter, Bias, Output } = this.#glue.Argument;
    const conv = this.#alive().forward;
    distinct(output, input, filter, bias);
    this.#call(() => {
      const x = this.#enter(conv, 'source', input, Input);
      const w = this.#enter(conv, 'second', filter, Filter);
      const b = bias && this.#enter(conv, 'bias', bias, Bias);
      const y = this.#enter(conv, 'results', output, Output, false);
      if (b) conv.forwardWithBias(x, w, b, y);
      else conv.forward(x, w, y);
      return [y, output];
    });
  }

  /**
   * The gradient of the input, from the gradient of the output and the filter. The activation is not part of it.
   *
   * @throws {DepthwiseError} for an argument of another length than its shape; `gradInput` is untouched.
   */
  gradInput(
    gradOutput: Operand,
    filter: Operand,
    gradInput: Operand,
    { accumulate = false }: Update = {},
  ): void {
    const { Filter, GradInput, GradOutput } = this.#glue.Argument;
    const conv = this.#alive().gradInput;
    distinct(gradInput, gradOutput, filter);
    this.#call(() => {
      const gy = this.#enter(conv, 'source', gradOutput, GradOutput);
      const w = this.#enter(conv, 'second', filter, Filter);
      const gx = this.#enter(conv, 'results', gradInput, GradInput, accumulate);
      conv.gradInput(gy, w, gx, accumulate);
      return [gx, gradInput];
    });
  }

  /**
   * The gradient of the filter, from the input and the gradient of the output.
   *
   * @throws {DepthwiseError} for an argument of another length than its shape; `gradWeight` is untouched.
   */
  gradWeight(
    input: Operand,
    gradOutput: Operand,
    gradWeight: Operand,
    { accumulate = false }: Update = {},
  ): void {
    const { Input, GradWeight, GradOutput } = this.#glue.Argument;
    const conv = this.#alive().gradWeight;
    distinct(gradWeight, input, gradOutput);
    this.#call(() => {
      const x = this.#enter(conv, 'source', input, Input);
      const gy = this.#enter(conv, 'second', gradOutput, GradOutput);
      const gw = this.#enter(conv, 'results', gradWeight, GradWeight, accumulate);
      conv.gradWeight(x, gy, gw, accumulate);
      return [gw, gradWeight];
    });
  }

  /**
   * The gradient of the bias, from the gradient of the output.
   *
   * @throws {DepthwiseError} for an argument of another length than its shape; `gradBias` is untouched.
   */
  gradBias(gradOutput: Operand, gradBias: Operand, { accumulate = false }: Update = {}): void {
    const { GradBias, GradOutput } = this.#glue.Argument;
    const conv = this.#alive().forward;
    distinct(gradBias, gradOutput);
    this.#call(() => {
      const gy = this.#enter(conv, 'source', gradOutput, GradOutput);
      const gb = this.#enter(conv, 'results', gradBias, GradBias, accumulate);
      conv.gradBias(gy, gb, accumulate);
      return [gb, gradBias];
    });
  }

  /**
   * Times each pass with the tiles of every machine in the library's table, where these differ, and has later calls use the fastest.
   * Which tiles those are is a question of the processor and of the engine, and not told by either. The bits of results don't
   * depend on them. Blocks meanwhile, and takes memory for the tensors of a pass. Returns the kernel of each pass.
   *
   * @throws {DepthwiseError} if there is no memory for the tensors; nothing has changed.
   */
  tune({ passes = PASSES, milliseconds = 50 }: Tuning = {}): Partial<Record<Pass, string>> {
    const chosen = this.#alive();
    const made: { free(): void }[] = [];
    const make = <T extends { free(): void }>(one: T): T => {
      made.push(one);
      return one;
    };
    const instance = (conv: Glue.Conv, pass: Pass) => explain(this.#glue, conv, pass).instances[0];
    try {
      const planned = MACHINES.map((machine) => make(new this.#glue.Conv({ ...this.#options, machine })));
      const candidates = passes.map((pass) => {
        const convs = [make(chosen[oneOf('passes', pass, PASSES)])];
        for (const conv of planned) {
          if (!convs.some((other) => instance(other, pass) === instance(conv, pass))) convs.push(conv);
        }
        return [pass, convs] as const;
      });
      const contested = candidates.filter(([, convs]) => convs.length > 1);
      // A pass without a choice takes no memory.
      const lengths = contested.length > 0 ? this.#lengths() : [0, 0, 0];
      const [x, w, y] = lengths.map((length) => make(new this.#glue.Tensor(length))) as Three<RawTensor>;
      const runs: Record<Pass, (conv: Glue.Conv) => void> = {
        forward: (conv) => conv.forward(x, w, y),
        gradInput: (conv) => conv.gradInput(y, w, x, false),
        gradWeight: (conv) => conv.gradWeight(x, y, w, false),
      };
      for (const [pass, convs] of contested) {
        const runsOf = convs.map((conv) => () => runs[pass](conv));
        chosen[pass] = convs[fastest(runsOf, { milliseconds, now: () => performance.now() })] ?? chosen[pass];
      }
      return Object.fromEntries(passes.map((pass) => [pass, instance(chosen[pass], pass)]));
    } catch (error) {
      throw DepthwiseError.from(error);
    } finally {
      const kept = new Set<unknown>(Object.values(chosen));
      for (const one of new Set(made)) if (!kept.has(one)) one.free();
    }
  }

  /** Elements of input, filter and output. */
  #lengths(): Three<number> {
    const { batch, channels, multiplier, window } = this.#options;
    const [height = 0, width = 0, ...kernel] = window;
    const [rows = 0, columns = 0] = kernel;
    return [
      batch * channels * height * width,
      channels * multiplier * rows * columns,
      this.outputShape.reduce((product, size) => product * size),
    ];
  }

  /** How a pass is computed, as data. */
  explain(pass: Pass): Explanation {
    return explain(this.#glue, this.#alive()[pass], pass);
  }

  /** Frees the memory. What is not disposed of is freed after it was garbage collected. */
  dispose(): void {
    for (const conv of new Set(Object.values(this.#raw ?? {}))) conv.free();
    this.#raw = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #enter(
    conv: Glue.Conv,
    slot: Slot,
    operand: Operand,
    argument: Glue.Argument,
    read = true,
  ): RawTensor {
    return this.#memory.enter(slot, operand, (length) => conv.check(argument, length), read);
  }

  /** Runs a pass, and copies its results to where they belong. */
  #call(pass: () => [RawTensor, Operand]): void {
    try {
      this.#memory.leave(...pass());
    } catch (error) {
      throw DepthwiseError.from(error);
    }
  }

  #alive(): Record<Pass, Glue.Conv> {
    if (this.#raw === undefined) throw new DepthwiseError('the convolution has been disposed of');
    return this.#raw;
  }
}

type Three<T> = [T, T, T];

/** Refuses results that would be written while they are read. */
function distinct(results: Operand, ...sources: readonly (Operand | undefined)[]): void {
  if (!(results instanceof Float32Array) && sources.includes(results)) {
    throw new DepthwiseError('the results are also an argument: they need a Tensor of their own');
  }
}
