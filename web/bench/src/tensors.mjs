// Tensors of numbers between -1 and 1, the same in every run, and their orders in memory.

/** So many numbers; another `seed` gives others. */
export function random(length, seed) {
  const numbers = new Float32Array(length);
  let state = (seed * 0x9e3779b9 + 1) >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    numbers[i] = (state >>> 8) / 2 ** 23 - 1;
  }
  return numbers;
}

/** `planes` [c][positions] as [positions][c]. */
export function channelsLast(planes, channels) {
  return transpose(planes, channels, planes.length / channels);
}

/** [positions][c] as [c][positions]. */
export function channelsFirst(vectors, channels) {
  return transpose(vectors, vectors.length / channels, channels);
}

function transpose(matrix, rows, columns) {
  const result = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = matrix[row * columns + column];
  }
  return result;
}

/** What the passes of a layer read, for one image: x [c][h][w], weights [c][kh][kw], gradY [c][oh][ow]. */
export function operands({ n, c, h, w, kh, kw, oh, ow }) {
  if (n !== 1) throw new Error('layers have one image here');
  return { x: random(c * h * w, 1), weights: random(c * kh * kw, 2), gradY: random(c * oh * ow, 3) };
}

/** The weights of so many branches of a model, all different, for equal ones could be computed once. The first is `weights`. */
export function filters(weights, branches) {
  const others = Array.from({ length: branches - 1 }, (_, branch) => random(weights.length, 4 + branch));
  return [weights, ...others];
}
