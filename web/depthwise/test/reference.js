// Depthwise convolution by its definition, in double precision, from WebNN's names.

/** @typedef {import('depthwise').Conv2dOptions} Options */

/** Sizes by the letters of a layout. */
const named = (layout, shape) => Object.fromEntries([...layout].map((letter, i) => [letter, shape[i]]));

/** Position of an element, given by letters, in a tensor of that layout and those sizes. */
const position = (layout, sizes, at) => [...layout].reduce((sum, letter) => sum * sizes[letter] + at[letter], 0);

/** Everything about a convolution that its passes need. */
function describe(options) {
  const { inputLayout = 'nchw', filterLayout = 'oihw', strides = [1, 1], dilations = [1, 1] } = options;
  const input = named(inputLayout, options.inputShape);
  const filter = named(filterLayout, options.filterShape);
  const kernel = [filter.h, filter.w];
  const size = [input.h, input.w];
  const extent = kernel.map((k, i) => (k - 1) * dilations[i] + 1);
  const sides = [0, 1].map((i) => {
    const { padding = 'valid' } = options;
    if (padding === 'valid') return [0, 0];
    if (typeof padding !== 'string') return padding.slice(2 * i, 2 * i + 2);
    const total = Math.max((Math.ceil(size[i] / strides[i]) - 1) * strides[i] + extent[i] - size[i], 0);
    const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
    return padding === 'same-upper' ? [less, more] : [more, less];
  });
  const [h, w] = [0, 1].map((i) => Math.floor((size[i] + sides[i][0] + sides[i][1] - extent[i]) / strides[i]) + 1);
  const output = { n: input.n, c: filter.o, h, w };
  return { inputLayout, filterLayout, input, filter, output, strides, dilations, sides };
}

/** Calls `product` with the positions of input, filter and output for each product of the definition. */
function forEachProduct(options, product) {
  const { inputLayout, filterLayout, input, filter, output, strides, dilations, sides } = describe(options);
  const multiplier = filter.o / input.c;
  for (let n = 0; n < output.n; n++)
    for (let o = 0; o < filter.o; o++)
      for (let oh = 0; oh < output.h; oh++)
        for (let ow = 0; ow < output.w; ow++)
          for (let kh = 0; kh < filter.h; kh++) {
            const h = oh * strides[0] + kh * dilations[0] - sides[0][0];
            if (h < 0 || h >= input.h) continue;
            for (let kw = 0; kw < filter.w; kw++) {
              const w = ow * strides[1] + kw * dilations[1] - sides[1][0];
              if (w < 0 || w >= input.w) continue;
              product(
                position(inputLayout, input, { n, c: Math.floor(o / multiplier), h, w }),
                position(filterLayout, filter, { o, i: 0, h: kh, w: kw }),
                position(inputLayout, output, { n, c: o, h: oh, w: ow }),
              );
            }
          }
}

const product = (sizes) => Object.values(sizes).reduce((a, b) => a * b, 1);

/** Shape of the output, and lengths of all tensors. */
export function shapes(options) {
  const { inputLayout, input, filter, output } = describe(options);
  const outputShape = [...inputLayout].map((letter) => output[letter]);
  const lengths = { input: product(input), filter: product(filter), output: product(output), bias: filter.o };
  return { outputShape, lengths };
}

/** A sum of products, and of their magnitudes, for each element of the results. */
class Sums {
  constructor(length) {
    this.sum = new Float64Array(length);
    this.magnitude = new Float64Array(length);
    this.count = new Float64Array(length);
  }
  add(at, value) {
    this.sum[at] += value;
    this.magnitude[at] += Math.abs(value);
    this.count[at] += 1;
  }
}

/** All passes. `old` gives what gradients are added to. */
export function reference(options, { x, w, b, gy }) {
  const { outputShape, lengths } = shapes(options);
  const [y, gx] = [new Sums(lengths.output), new Sums(lengths.input)];
  const [gw, gb] = [new Sums(lengths.filter), new Sums(lengths.bias)];
  const channels = (options.inputLayout ?? 'nchw') === 'nhwc'
    ? { size: outputShape[3], of: (at) => at % outputShape[3] }
    : { size: outputShape[1], of: (at) => Math.floor(at / (outputShape[2] * outputShape[3])) % outputShape[1] };
  for (let at = 0; at < lengths.output; at++) {
    if (b) y.add(at, b[channels.of(at)]);
    gb.add(channels.of(at), gy[at]);
  }
  forEachProduct(options, (i, f, o) => {
    y.add(o, x[i] * w[f]);
    gx.add(i, gy[o] * w[f]);
    gw.add(f, x[i] * gy[o]);
  });
  return { y, gx, gw, gb };
}

/** Pseudo-random numbers in (−1, 1), the same for a seed everywhere. */
export function random(length, seed) {
  let state = seed * 2654435761 >>> 0 || 1;
  return Float32Array.from({ length }, () => {
    state ^= state << 13; state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5; state >>>= 0;
    return (state / 2 ** 31 - 1);
  });
}

/** How far results are from the reference, as a share of the bound n·u·Σ|products| that any order of summation keeps
 * (Higham, Accuracy and Stability of Numerical Algorithms, 3.1, with two roundings for each product). */
export function error(actual, { sum, magnitude, count }) {
  if (actual.length !== sum.length) throw new Error('other lengths');
  let worst = 0;
  for (let at = 0; at < sum.length; at++) {
    const bound = (count[at] + 2) * 2 ** -24 * magnitude[at];
    const distance = Math.abs(actual[at] - sum[at]);
    if (!(distance <= bound)) return Infinity;
    if (bound > 0) worst = Math.max(worst, distance / bound);
  }
  return worst;
}
