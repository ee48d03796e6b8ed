import { DepthwiseError } from './error.js';

/** Order of a tensor's dimensions: `[n, c, h, w]` or `[n, h, w, c]`. */
export type InputLayout = 'nchw' | 'nhwc';

/** Order of the filter's dimensions: o is the output channel, i the input channel of its group, always 1. */
export type FilterLayout = 'oihw' | 'hwio' | 'ohwi' | 'ihwo';

/** Four sizes, in the order of a layout. */
export type Shape = readonly [number, number, number, number];

/** A function of each output: a bound or two. NaN stays NaN. */
export type Activation = 'relu' | 'relu6' | { readonly min?: number; readonly max?: number };

/** The machines that tiles can be chosen for, by name: the library's table. */
export const MACHINES = ['arm64', 'x86-64', 'arm64-in-order'] as const;

/** What `conv2d` computes, with WebNN's names. Sizes are in elements. */
export interface Conv2dOptions {
  /** In the order of `inputLayout`. */
  readonly inputShape: Shape;
  /** In the order of `filterLayout`. Output channels are a multiple of input channels: channel `c·m + j` is
   * input channel `c` convolved with its `j`-th kernel. */
  readonly filterShape: Shape;
  /** Of input and output; `nchw` unless told. */
  readonly inputLayout?: InputLayout;
  /** `oihw` unless told. */
  readonly filterLayout?: FilterLayout;
  /** Steps between windows, `[height, width]`; 1 unless told. */
  readonly strides?: readonly [number, number];
  /** Steps between taps, `[height, width]`; 1 unless told. */
  readonly dilations?: readonly [number, number];
  /** `[beginning height, ending height, beginning width, ending width]`, negative to crop; or `valid` (none), or
   * for ⌈input / stride⌉ outputs `same-upper` or `same-lower`, by where an odd element goes. None unless told. */
  readonly padding?: Shape | 'valid' | 'same-upper' | 'same-lower';
  /** None unless told. */
  readonly activation?: Activation;
  /** The machine that tiles are chosen for; the host unless told. */
  readonly machine?: string;
}

/** The options as the module reads them. */
export interface RawOptions {
  readonly batch: number;
  readonly channels: number;
  readonly multiplier: number;
  /** Input, kernel, strides and dilations, height and width each. */
  readonly window: readonly number[];
  readonly autoPad: number;
  readonly padding: readonly number[];
  readonly inputOrder: number;
  readonly filterOrder: number;
  readonly bounds: readonly number[];
  readonly machine: string | undefined;
}

/** The values of the module's enumerations. */
export interface Enumerations {
  readonly Order: { readonly ChannelsFirst: number; readonly ChannelsLast: number };
  readonly AutoPad: {
    readonly Explicit: number;
    readonly SameUpper: number;
    readonly SameLower: number;
  };
}

export function rawOptions(options: Conv2dOptions, { Order, AutoPad }: Enumerations): RawOptions {
  const inputLayout = oneOf('inputLayout', options.inputLayout ?? 'nchw', ['nchw', 'nhwc']);
  const filterLayout = oneOf('filterLayout', options.filterLayout ?? 'oihw', FILTER_LAYOUTS);
  const input = named('inputShape', options.inputShape, inputLayout);
  const filter = named('filterShape', options.filterShape, filterLayout);
  const strides = list('strides', options.strides ?? [1, 1], 2, SIZE);
  const dilations = list('dilations', options.dilations ?? [1, 1], 2, SIZE);
  if (filter.i !== 1) {
    throw new DepthwiseError(`filterShape has ${filter.i} input channels for each group, expected 1`);
  }
  if (input.c === 0 || filter.o % input.c !== 0) {
    const channels = `${filter.o} output channels for ${input.c} input channels`;
    throw new DepthwiseError(`filterShape has ${channels}, expected a multiple`);
  }
  const { autoPad, padding } = padded(options.padding ?? 'valid', AutoPad);
  return {
    batch: input.n,
    channels: input.c,
    multiplier: filter.o / input.c,
    window: [input.h, input.w, filter.h, filter.w, ...strides, ...dilations],
    autoPad,
    padding,
    inputOrder: inputLayout === 'nchw' ? Order.ChannelsFirst : Order.ChannelsLast,
    filterOrder: filterLayout.startsWith('o') ? Order.ChannelsFirst : Order.ChannelsLast,
    bounds: bounds(options.activation),
    machine: options.machine,
  };
}

const FILTER_LAYOUTS = ['oihw', 'hwio', 'ohwi', 'ihwo'] as const;
const SIZE = { min: 0, max: 2 ** 32 - 1 };
const SIDE = { min: -(2 ** 31), max: 2 ** 31 - 1 };

function padded(padding: NonNullable<Conv2dOptions['padding']>, rules: Enumerations['AutoPad']) {
  const none = [0, 0, 0, 0];
  if (typeof padding !== 'string') {
    return { autoPad: rules.Explicit, padding: list('padding', padding, 4, SIDE) };
  }
  const rule = oneOf('padding', padding, ['valid', 'same-upper', 'same-lower']);
  const autoPad = { valid: rules.Explicit, 'same-upper': rules.SameUpper, 'same-lower': rules.SameLower };
  return { autoPad: autoPad[rule], padding: none };
}

/** `[min, max]`, or nothing. */
function bounds(activation: Activation | undefined): number[] {
  if (activation === undefined) return [];
  if (typeof activation === 'object' && activation !== null) {
    const { min = -Infinity, max = Infinity } = activation;
    // As the outputs are: in single precision.
    const [low, high] = [Math.fround(min), Math.fround(max)];
    if (!(low <= high)) throw new DepthwiseError(`activation [${min}, ${max}] is not an interval`);
    return [low, high];
  }
  return oneOf('activation', activation, ['relu', 'relu6']) === 'relu' ? [0, Infinity] : [0, 6];
}

/** Four sizes by the letters of their layout. */
function named<L extends string>(name: string, shape: Shape, layout: L) {
  const sizes = list(name, shape, 4, SIZE);
  const entries = [...layout].map((letter, index) => [letter, sizes[index]]);
  return Object.fromEntries(entries) as Record<'n' | 'c' | 'h' | 'w' | 'o' | 'i', number>;
}

/** A list of whole numbers, checked. */
function list(
  name: string,
  values: ArrayLike<number>,
  length: number,
  { min, max }: { min: number; max: number },
): number[] {
  const numbers = Array.from(values ?? []);
  if (numbers.length !== length) {
    throw new DepthwiseError(`${name} has ${numbers.length} elements, expected ${length}`);
  }
  for (const [index, value] of numbers.entries()) {
    if (!Number.isInteger(value) || value < min || value > max) {
      const range = `a whole number from ${min} to ${max}`;
      throw new DepthwiseError(`${name}[${index}] is ${String(value)}, it must be ${range}`);
    }
  }
  return numbers;
}

export function oneOf<const T extends string>(name: string, value: string, values: readonly T[]): T {
  const found = values.find((candidate) => candidate === value);
  if (found === undefined) {
    throw new DepthwiseError(`${name} is ${String(value)}, it must be one of ${values.join(', ')}`);
  }
  return found;
}
