// LiteRT.js, whose kernels are XNNPACK's: models of one and of five convolutions.

import { same } from '../layers.mjs';
import { tflite } from '../models/tflite.mjs';
import { channelsFirst, channelsLast, filters } from '../tensors.mjs';

/** A subject, given `@litertjs/core` with its module loaded. */
export function litert(library) {
  return {
    name: 'litert.js',
    branches: 5,
    prepare: (layer, operands, branches) => prepare(library, same(layer), operands, branches),
  };
}

async function prepare(library, layer, { x, weights }, branches) {
  const { n, c, h, w } = layer;
  const all = filters(weights, branches).map((planes) => channelsLast(planes, c));
  const model = await library.loadAndCompile(tflite(layer, all), { accelerator: 'wasm' });
  const image = new library.Tensor(channelsLast(x, c), [n, h, w, c]);
  const run = async () => {
    for (const tensor of await model.run([image])) tensor.delete();
  };
  const result = async () => {
    const [y] = await model.run([image]);
    const vectors = Float32Array.from(await y.data());
    y.delete();
    return channelsFirst(vectors, c);
  };
  const dispose = () => [image, model].forEach((each) => each.delete());
  return { cases: [{ pass: 'forward', layer, run, isAsync: true, result }], dispose };
}
