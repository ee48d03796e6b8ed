/** What workers are asked, and what they answer. */

export interface About {
  readonly isa: string;
  readonly contract: string;
  readonly machine: string;
  readonly version: string;
}

export interface Progress {
  readonly step: number;
  readonly steps: number;
  readonly seconds: number;
  readonly losses: number[];
  readonly tests: [step: number, accuracy: number][];
  /** Seconds of forward, grad_input, grad_weight and the rest. */
  readonly passes: [number, number, number, number];
}

export interface Report {
  readonly cases: number;
  readonly checks: number;
  readonly compared: number;
  readonly failures: number;
  readonly worst: number;
  readonly coverage: [classes: number, of: number, pairs: number, ofPairs: number];
  readonly hashes: [pass: string, hash: string][];
  readonly findings: { reason: string; repeat: string }[];
  readonly last: string;
  /** What repeats it anywhere. */
  readonly command: string;
}

export type PassName = 'forward' | 'grad_input' | 'grad_weight';

export const PASSES: readonly PassName[] = ['forward', 'grad_input', 'grad_weight'];

export interface Choice {
  readonly input: [number, number];
  readonly kernel: [number, number];
  readonly stride: number;
  readonly dilation: number;
  readonly padding: number;
  readonly nhwc: boolean;
  readonly pass: PassName;
  readonly machine: string;
}

export interface Places {
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

export interface Cost {
  readonly loads: number;
  readonly fmas: number;
  readonly stores: number;
}

export interface Tile {
  readonly instance: number;
  readonly rows: Places;
  readonly columns: Places;
  readonly cost: Cost;
  readonly leaf: number;
}

export interface Picture {
  readonly grid: [number, number];
  readonly source: [number, number];
  /** Of each row, and each column: the taps it meets and where in the source. */
  readonly touches: [[number, number][][], [number, number][][]];
  readonly instances: { name: string; body: string; purpose: string }[];
  readonly tiles: Tile[];
  readonly total: Cost;
  readonly machine: string;
}

export interface Sizes {
  readonly channels: number;
  readonly input: [number, number];
  readonly kernel: [number, number];
  readonly stride: [number, number];
  readonly dilation: [number, number];
  /** As WebNN has it: top, bottom, left, right. */
  readonly padding: [number, number, number, number];
}

export interface Facts {
  readonly flops: number;
  readonly bytes: number;
  readonly instances: [string, string, string];
  /** The machine whose tiles were fastest, by pass. */
  readonly machines: [string, string, string];
  readonly worst: [number, number, number];
  readonly output: [number, number];
}

export type RivalName = 'tfjs' | 'ort';

export const RIVALS: readonly RivalName[] = ['tfjs', 'ort'];

/** Everything that a worker does, by name. */
export interface Methods {
  about(): About;
  memory(): number;

  teach(classes: number, seed: number): void;
  lesson(label: number, drawing: Float32Array, heldOut: boolean): void;
  train(seconds: number): Progress;
  test(batches: number): number;
  recognise(drawing: Float32Array): Float32Array;
  weights(): Float32Array;
  setWeights(weights: Float32Array): void;

  campaign(seed: number, countClasses: boolean): void;
  judge(cases: number): Report;

  cover(choice: Choice): Picture;

  peak(): number;
  bandwidth(bytes: number): number;
  layer(sizes: Sizes): Facts;
  /** Calls of a pass that take about so many seconds. */
  calls(subject: string, seconds: number): number;
  /** Seconds of one call, of so many in a row. */
  sample(subject: string, calls: number): number;
  rival(name: RivalName): void;
  /** Makes the layer for a rival; the largest difference to our result, as a share of the largest result. */
  prepare(name: RivalName): Promise<number>;
  release(): void;
}

export type Method = keyof Methods;

export interface Question {
  readonly id: number;
  readonly method: Method;
  readonly args: unknown[];
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | {
      readonly id: number;
      readonly error: string;
      /** Of a trap: the command that repeats the case it happened in. */
      readonly repeat?: string | undefined;
    };
