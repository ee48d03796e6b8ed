import type * as Glue from './wasm/simd128.js';

/** A pass, as the methods of {@link Conv2d} are called. */
export type Pass = 'forward' | 'gradInput' | 'gradWeight';

/** A run of `len` results along one axis that use the same `taps` taps:
 * `result[out + j·outStep] += Σ source[src + j·srcStep + u·srcTap] · tap[tap + u·tapStep]`, j < len, u < taps. */
export interface Span {
  readonly out: number;
  readonly len: number;
  readonly outStep: number;
  readonly src: number;
  readonly srcStep: number;
  readonly srcTap: number;
  readonly tap: number;
  readonly tapStep: number;
  readonly taps: number;
}

/** A run of `count` tiles of columns, side by side, whose windows miss columns at either end of the source. */
export interface ColumnTiles {
  readonly out: number;
  readonly columns: number;
  readonly count: number;
  readonly src: number;
  readonly tap: number;
  readonly tapStep: number;
  readonly oddFirst: boolean;
  readonly clipLow: number;
  readonly clipHigh: number;
}

/** Rows × columns of results that one kernel computes in each image and channel. */
export interface Rectangle {
  /** Name of the kernel's line in the instance table. */
  readonly instance: string;
  readonly rows: Span;
  /** Rows of the source that the first and the last windows miss, where the kernel sees to that. */
  readonly rowsClipped: readonly [low: number, high: number];
  /** Its columns: tiles of a tuned kernel, or a span of the general one. */
  readonly columns: { readonly tiles: ColumnTiles } | { readonly span: Span };
}

/** How a pass is computed: a function of the shape, never of the data. */
export interface Explanation {
  /** Names of the kernels that take part. */
  readonly instances: readonly string[];
  /** What covers the results; empty for gradients of filters, whose results are taps. */
  readonly rectangles: readonly Rectangle[];
}

/** Numbers of a rectangle, as the module gives them. */
const NUMBERS = 22;

export function explain(glue: typeof Glue, conv: Glue.Conv, pass: Pass): Explanation {
  if (pass === 'gradWeight') {
    return { instances: [glue.instanceName(conv.gradWeightInstance)], rectangles: [] };
  }
  const numbers = conv.explain(pass === 'forward' ? glue.Sweep.Forward : glue.Sweep.GradInput);
  const rectangles: Rectangle[] = [];
  for (let at = 0; at < numbers.length; at += NUMBERS) {
    rectangles.push(rectangle(glue, [...numbers.subarray(at, at + NUMBERS)]));
  }
  return { instances: [...new Set(rectangles.map(({ instance }) => instance))], rectangles };
}

function rectangle(glue: typeof Glue, numbers: number[]): Rectangle {
  const [instance, rest] = [numbers[0] ?? 0, numbers.slice(1)];
  const columns = rest.slice(12);
  return {
    instance: glue.instanceName(instance),
    rows: span(rest),
    rowsClipped: [rest[9] ?? 0, rest[10] ?? 0],
    columns: rest[11] ? { tiles: tiles(columns) } : { span: span(columns) },
  };
}

function span(numbers: number[]): Span {
  const [out = 0, len = 0, outStep = 0, src = 0, srcStep = 0, srcTap = 0] = numbers;
  const [tap = 0, tapStep = 0, taps = 0] = numbers.slice(6);
  return { out, len, outStep, src, srcStep, srcTap, tap, tapStep, taps };
}

function tiles(numbers: number[]): ColumnTiles {
  const [out = 0, columns = 0, count = 0, src = 0, tap = 0] = numbers;
  const [tapStep = 0, oddFirst = 0, clipLow = 0, clipHigh = 0] = numbers.slice(5);
  return { out, columns, count, src, tap, tapStep, oddFirst: oddFirst === 1, clipLow, clipHigh };
}
