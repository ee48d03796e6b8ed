// ONNX Runtime Web on WebAssembly: models of one and of five convolutions.

import { onnx } from '../models/onnx.mjs';
import { filters } from '../tensors.mjs';

/** A subject, given `onnxruntime-web/wasm`. */
export function onnxruntime(ort) {
  return {
    name: 'onnxruntime-web',
    branches: 5,
    prepare: (layer, operands, branches) => prepare(ort, layer, operands, branches),
  };
}

async function prepare(ort, layer, { x, weights }, branches) {
  const { n, c, h, w } = layer;
  const options = { executionProviders: ['wasm'], graphOptimizationLevel: 'all' };
  const session = await ort.InferenceSession.create(onnx(layer, filters(weights, branches)), options);
  const feeds = { x: new ort.Tensor('float32', x, [n, c, h, w]) };
  const run = () => session.run(feeds);
  const result = async () => (await run()).y.data;
  return { cases: [{ pass: 'forward', layer, run, isAsync: true, result }], dispose: () => session.release() };
}
