/** ONNX Runtime Web: it takes channels first, and copies tensors in and out of its memory. */

import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import glue from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';

import { depthwiseModel } from '../onnx';
import type { Rival } from './rival';

export async function load(): Promise<Rival> {
  env.wasm.numThreads = 1;
  env.wasm.proxy = false;
  const here = (path: string) => new URL(path, self.location.href).href;
  env.wasm.wasmPaths = { mjs: here(glue), wasm: here(wasm) };
  return { layer };
}

const layer: Rival['layer'] = async (sizes, output, input, weights) => {
  const { channels, kernel } = sizes;
  const planes = transposed(weights, kernel[0] * kernel[1], channels);
  const session = await InferenceSession.create(depthwiseModel(sizes, output, planes), {
    executionProviders: ['wasm'],
  });
  const pixels = sizes.input[0] * sizes.input[1];
  const x = new Tensor('float32', transposed(input, pixels, channels), [1, channels, ...sizes.input]);
  const y = async () => {
    const { y } = await session.run({ x });
    if (!(y?.data instanceof Float32Array)) throw new Error('ONNX Runtime gave no output');
    return y.data;
  };
  return {
    async run(calls) {
      for (let call = 0; call < calls; call += 1) await y();
    },
    result: async () => transposed(await y(), channels, output[0] * output[1]),
    dispose: () => void session.release(),
  };
};

/** `[rows][columns]` as `[columns][rows]`. */
function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      result[column * rows + row] = matrix[row * columns + column] ?? 0;
    }
  }
  return result;
}
