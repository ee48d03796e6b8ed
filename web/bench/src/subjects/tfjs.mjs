// TensorFlow.js on its WebAssembly backend, eager. A call's cost is what it takes for a layer that is almost nothing.

import { channelsFirst, channelsLast } from '../tensors.mjs';

/** A subject, given `@tensorflow/tfjs-core` with the backend `wasm` set. */
export function tfjs(tf) {
  return { name: 'tfjs-wasm', callCost: true, prepare: (layer, operands) => prepare(tf, layer, operands) };
}

function prepare(tf, layer, { x, weights }) {
  const { n, c, h, w, kh, kw, sh, sw, dil, pads } = layer;
  const [top, left, bottom, right] = pads;
  const image = tf.tensor(channelsLast(x, c), [n, h, w, c]);
  const filter = tf.tensor(channelsLast(weights, c), [kh, kw, c, 1]);
  const padding = [[0, 0], [top, bottom], [left, right], [0, 0]];
  const forward = () => tf.depthwiseConv2d(image, filter, [sh, sw], padding, 'NHWC', [dil, dil]);
  const run = () => forward().dispose();
  const result = async () => {
    const y = forward();
    const vectors = await y.data();
    y.dispose();
    return channelsFirst(vectors, c);
  };
  const dispose = () => [image, filter].forEach((tensor) => tensor.dispose());
  return { cases: [{ pass: 'forward', layer, run, isAsync: false, result }], dispose };
}
