/** TensorFlow.js on its WebAssembly backend, whose kernels are XNNPACK's: tensors stay in its memory. */

import '@tensorflow/tfjs-backend-wasm';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import { depthwiseConv2d, pad, ready, setBackend, tensor4d, tidy } from '@tensorflow/tfjs-core';

import type { Rival } from './rival';

export async function load(): Promise<Rival> {
  setWasmPaths({
    'tfjs-backend-wasm.wasm': plain,
    'tfjs-backend-wasm-simd.wasm': simd,
    'tfjs-backend-wasm-threaded-simd.wasm': threaded,
  });
  setThreadsCount(1);
  if (!(await setBackend('wasm'))) throw new Error('TensorFlow.js has no WebAssembly backend here');
  await ready();
  return { layer };
}

const layer: Rival['layer'] = async (sizes, _output, input, weights) => {
  const { channels, kernel, stride, dilation, padding } = sizes;
  const [top, bottom, left, right] = padding;
  const x = tensor4d(input, [1, ...sizes.input, channels]);
  const filter = tensor4d(weights, [...kernel, channels, 1]);
  const pads: [[number, number], [number, number], [number, number], [number, number]] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  // Its depthwise layer pads as TensorFlow's SAME does; other paddings need an operation of their own.
  const same = [0, 1].every((axis) => isSame(sizes, axis));
  const none = padding.every((size) => size === 0);
  const convolve = () => {
    const padded = same || none ? x : pad(x, pads);
    return depthwiseConv2d(padded, filter, stride, same ? 'same' : 'valid', 'NHWC', dilation);
  };
  return {
    run(calls) {
      for (let call = 0; call < calls; call += 1) tidy(() => void convolve());
    },
    result: () => {
      const y = tidy(convolve);
      const values = y.dataSync<'float32'>().slice();
      y.dispose();
      return values;
    },
    dispose() {
      x.dispose();
      filter.dispose();
    },
  };
};

function isSame({ input, kernel, stride, dilation, padding }: Parameters<Rival['layer']>[0], axis: number): boolean {
  const [size, taps, step, gap] = [input[axis], kernel[axis], stride[axis], dilation[axis]];
  if (!size || !taps || !step || !gap) return false;
  const total = Math.max((Math.ceil(size / step) - 1) * step + (taps - 1) * gap + 1 - size, 0);
  return padding[2 * axis] === Math.floor(total / 2) && padding[2 * axis + 1] === Math.ceil(total / 2);
}
