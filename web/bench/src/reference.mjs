// The passes in f64, and how far a correct f32 result may be from them: |error| ≤ γ(n)·S + n·2⁻¹⁵⁰ with
// γ(n) = n·u / (1 - n·u), u = 2⁻²⁴, n products and S the sum of their magnitudes (Higham, Accuracy and Stability of Numerical
// Algorithms, 3.1).

const UNIT = 2 ** -24;

/** Calls `each` with the places in x, weights and y of every product. */
function products({ c, h, w, kh, kw, sh, sw, dil, pads, oh, ow }, each) {
  const [top, left] = pads;
  for (let channel = 0; channel < c; channel++) {
    for (let kr = 0; kr < kh; kr++) {
      for (let kc = 0; kc < kw; kc++) {
        const tap = (channel * kh + kr) * kw + kc;
        for (let row = 0; row < oh; row++) {
          const inRow = row * sh + kr * dil - top;
          if (inRow < 0 || inRow >= h) continue;
          const [from, to] = [(channel * h + inRow) * w, (channel * oh + row) * ow];
          for (let column = 0; column < ow; column++) {
            const inColumn = column * sw + kc * dil - left;
            if (inColumn >= 0 && inColumn < w) each(from + inColumn, tap, to + column);
          }
        }
      }
    }
  }
}

/** The largest error of `result`, in the order of the operands, as a share of its bound: at most 1 if all is right. */
export function worst(pass, layer, { x, weights, gradY }, result) {
  const length = { forward: gradY, gradInput: x, gradWeight: weights }[pass].length;
  if (result.length !== length) throw new Error(`${pass} has ${length} results, not ${result.length}`);
  const [sums, magnitudes] = [new Float64Array(length), new Float64Array(length)];
  const terms = new Uint32Array(length);
  products(layer, (from, tap, to) => {
    const at = pass === 'forward' ? to : pass === 'gradInput' ? from : tap;
    const product =
      pass === 'forward' ? x[from] * weights[tap] : pass === 'gradInput' ? gradY[to] * weights[tap] : x[from] * gradY[to];
    sums[at] += product;
    magnitudes[at] += Math.abs(product);
    terms[at]++;
  });
  let largest = 0;
  for (let i = 0; i < length; i++) {
    const error = Math.abs(result[i] - sums[i]);
    if (error === 0) continue;
    const n = terms[i];
    const share = error / (((n * UNIT) / (1 - n * UNIT)) * magnitudes[i] + n * 2 ** -150);
    // NaN is the worst.
    if (!(share <= largest)) largest = share;
    if (Number.isNaN(largest)) return NaN;
  }
  return largest;
}
