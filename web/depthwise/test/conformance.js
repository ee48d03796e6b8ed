// Every pass against the reference: layouts × filter layouts × strides, dilations, paddings and multipliers. Runs
// wherever `depthwise` does; throws at the first difference.

import { error, random, reference, shapes } from './reference.js';

/** Shape of a tensor from sizes by letter. */
const shape = (layout, sizes) => [...layout].map((letter) => sizes[letter]);

/** The cases: options of `conv2d`. */
export function* cases() {
  const kernels = [[3, 3], [5, 5], [7, 7], [2, 3], [1, 4]];
  const strides = [[1, 1], [2, 2], [1, 2], [3, 2]];
  const dilations = [[1, 1], [2, 1], [1, 3]];
  const paddings = ['valid', 'same-upper', 'same-lower', [1, 1, 1, 1], [2, 0, 1, 3], [0, -1, -1, 2]];
  const filterLayouts = ['oihw', 'hwio', 'ohwi', 'ihwo'];
  let index = 0;
  for (const inputLayout of ['nchw', 'nhwc'])
    for (const filterLayout of filterLayouts)
      for (const [h, w] of kernels)
        for (const stride of strides)
          for (const dilation of dilations)
            for (const padding of paddings) {
              index += 1;
              const multiplier = 1 + (index % 5 === 0) + (index % 7 === 0);
              const c = [4, 5, 3, 8, 1][index % 5];
              const n = 1 + (index % 3 === 0);
              const extent = [(h - 1) * dilation[0] + 1, (w - 1) * dilation[1] + 1];
              // Some are wide enough for two of the widest tiles at stride 2.
              const wide = index % 3 === 0 ? 4 : 1;
              const input = { n, c, h: extent[0] + 2 + (index % 4), w: extent[1] + 2 + (index % 9) * wide };
              const filter = { o: c * multiplier, i: 1, h, w };
              const activation = [undefined, 'relu', 'relu6', { min: -0.25, max: 0.5 }, { max: 0 }][index % 5];
              yield {
                inputShape: shape(inputLayout, input),
                filterShape: shape(filterLayout, filter),
                inputLayout, filterLayout, strides: stride, dilations: dilation, padding,
                ...(activation && { activation }),
              };
            }
  // Maps that the widest tiles cover, so that first, inner and last tiles all are.
  for (const inputLayout of ['nchw', 'nhwc'])
    for (const kernel of [3, 5])
      for (const stride of [1, 2])
        for (const columns of [14, 21, 28])
          for (const padding of ['same-upper', 'same-lower'])
            yield {
              inputShape: shape(inputLayout, { n: 1, c: 8, h: 6 * stride, w: columns * stride }),
              filterShape: [8, 1, kernel, kernel],
              inputLayout, filterLayout: 'oihw', strides: [stride, stride], dilations: [1, 1], padding,
            };
}

const bounds = (activation) =>
  ({ relu: [0, Infinity], relu6: [0, 6] })[activation] ?? [activation?.min ?? -Infinity, activation?.max ?? Infinity];

/** Data for a case, and what the passes make of it. */
function example(options, seed) {
  const { outputShape, lengths } = shapes(options);
  const x = random(lengths.input, seed + 1);
  const w = random(lengths.filter, seed + 2);
  const b = seed % 2 === 0 ? random(lengths.bias, seed + 3) : undefined;
  const gy = random(lengths.output, seed + 4);
  const accumulate = seed % 3 === 0;
  const expected = reference(options, { x, w, b, gy });
  const [min, max] = bounds(options.activation);
  expected.y.sum = expected.y.sum.map((value) => Math.min(Math.max(value, min), max));
  if (accumulate) {
    for (const sums of [expected.gx, expected.gw, expected.gb]) sums.sum.forEach((_, at) => sums.add(at, OLD));
  }
  return { options, seed, outputShape, lengths, x, w, b, gy, accumulate, expected };
}

/** What gradients are added to. */
const OLD = 0.5;

/** Checks all passes of a case; the worst error as a share of its bound. */
function check(depthwise, { options, seed, outputShape, lengths, x, w, b, gy, accumulate, expected }) {
  const conv = depthwise.conv2d(options);
  if (String(conv.outputShape) !== String(outputShape)) throw new Error(`${conv.outputShape} is no ${outputShape}`);

  // Arrays and tensors in turns, so that each argument is either.
  const place = (array, index) => ((seed >> index) % 2 === 0 ? array : depthwise.tensor(array));
  const arrayOf = (operand) => (operand instanceof Float32Array ? operand : operand.view().slice());
  const results = (length, index) => place(new Float32Array(length).fill(accumulate ? OLD : NaN), index);
  const [px, pw, pgy] = [place(x, 0), place(w, 1), place(gy, 2)];
  const [y, gx, gw, gb] = [lengths.output, lengths.input, lengths.filter, lengths.bias].map((length, index) =>
    index === 0 ? place(new Float32Array(length).fill(NaN), 3) : results(length, index + 3));
  const bias = b && place(b, 7);
  conv.forward(px, pw, y, bias && { bias });
  conv.gradInput(pgy, pw, gx, { accumulate });
  conv.gradWeight(px, pgy, gw, { accumulate });
  conv.gradBias(pgy, gb, { accumulate });

  const worst = [[y, expected.y], [gx, expected.gx], [gw, expected.gw], [gb, expected.gb]].map(([actual, sums]) =>
    error(arrayOf(actual), sums));
  for (const operand of [px, pw, pgy, bias, y, gx, gw, gb]) operand?.dispose?.();
  conv.dispose();
  return Math.max(...worst);
}

/** Checks all cases, or every `step`-th, on several modules. */
export function conformance(modules, step = 1) {
  const report = { cases: 0, compared: 0, worst: 0 };
  let seed = 0;
  for (const options of cases()) {
    if (seed++ % step !== 0) continue;
    const one = example(options, seed);
    for (const depthwise of modules) {
      const worst = check(depthwise, one);
      if (!(worst <= 1)) {
        throw new Error(`case ${seed} is wrong on ${depthwise.isa}, ${depthwise.machine}: ${JSON.stringify(options)}`);
      }
      report.worst = Math.max(report.worst, worst);
      report.compared += Object.values(one.lengths).reduce((a, b) => a + b);
    }
    report.cases += 1;
  }
  if (report.worst === 0) throw new Error('nothing was compared');
  return report;
}
