// Gradients of depthwise layers for TensorFlow.js on its wasm backend, which has none of its own. Importing this
// registers nothing; `register` does.

import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import {
  type DepthwiseConv2dNativeBackpropFilterAttrs,
  type DepthwiseConv2dNativeBackpropInputAttrs,
  type KernelFunc,
  type TensorInfo,
  backend_util,
  registerKernel,
  unregisterKernel,
} from '@tensorflow/tfjs-core';

import type { Conv2d } from './conv2d.js';
import type { Depthwise } from './depthwise.js';

type Shape4 = [number, number, number, number];
type Attributes = Pick<
  DepthwiseConv2dNativeBackpropInputAttrs,
  'strides' | 'dilations' | 'pad' | 'dimRoundingMode'
>;

const INPUT = 'DepthwiseConv2dNativeBackpropInput';
const FILTER = 'DepthwiseConv2dNativeBackpropFilter';
const BACKEND = 'wasm';

/**
 * Registers the two gradient kernels of depthwise convolutions on TensorFlow.js's wasm backend, so that models with
 * depthwise layers train on it. Each tensor is copied once, between the memories of the two modules.
 *
 * Returns what undoes it.
 */
export function register(depthwise: Depthwise): () => void {
  const convolutions = new Convolutions(depthwise);
  const kernels: Record<string, (backend: BackendWasm, inputs: Inputs, attrs: object) => TensorInfo> = {
    [INPUT]: (backend, inputs, attrs) => {
      const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
      const { inputShape, ...rest } = attrs as DepthwiseConv2dNativeBackpropInputAttrs;
      const conv = convolutions.get(inputShape, filter.shape, rest);
      const dx = backend.makeOutput(inputShape, 'float32');
      conv.gradInput(elements(backend, dy), elements(backend, filter), elements(backend, dx));
      return dx;
    },
    [FILTER]: (backend, inputs, attrs) => {
      const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
      const { filterShape, ...rest } = attrs as DepthwiseConv2dNativeBackpropFilterAttrs;
      const conv = convolutions.get(x.shape, filterShape, rest);
      const dw = backend.makeOutput(filterShape, 'float32');
      conv.gradWeight(elements(backend, x), elements(backend, dy), elements(backend, dw));
      return dw;
    },
  };
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    const kernelFunc: KernelFunc = ({ inputs, backend, attrs }) =>
      kernel(backend as BackendWasm, inputs as Inputs, attrs as object);
    registerKernel({ kernelName, backendName: BACKEND, kernelFunc });
  }
  return () => {
    for (const kernelName of Object.keys(kernels)) unregisterKernel(kernelName, BACKEND);
    convolutions.dispose();
  };
}

type Inputs = Record<string, TensorInfo>;

/** The elements of a tensor where the backend has them. */
function elements(backend: BackendWasm, tensor: TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(tensor) as Float32Array;
}

/** Convolutions by their options, those in use last of at most a few hundred. */
class Convolutions {
  static readonly #MOST = 256;
  readonly #depthwise: Depthwise;
  readonly #made = new Map<string, Conv2d>();

  constructor(depthwise: Depthwise) {
    this.#depthwise = depthwise;
  }

  get(inputShape: readonly number[], filterShape: readonly number[], attributes: Attributes): Conv2d {
    const key = JSON.stringify([inputShape, filterShape, attributes]);
    const conv = this.#made.get(key) ?? this.#make(inputShape, filterShape, attributes);
    // A map keeps the order of insertion: the first is the one unused for longest.
    this.#made.delete(key);
    this.#made.set(key, conv);
    const [oldest] = this.#made;
    if (this.#made.size > Convolutions.#MOST && oldest) {
      this.#made.delete(oldest[0]);
      oldest[1].dispose();
    }
    return conv;
  }

  dispose(): void {
    for (const conv of this.#made.values()) conv.dispose();
    this.#made.clear();
  }

  #make(
    inputShape: readonly number[],
    filterShape: readonly number[],
    { strides, dilations, pad, dimRoundingMode }: Attributes,
  ): Conv2d {
    const info = backend_util.computeConv2DInfo(
      inputShape as Shape4,
      filterShape as Shape4,
      strides,
      dilations,
      pad,
      dimRoundingMode,
      true,
    );
    const { top, left } = info.padInfo;
    // What TensorFlow.js rounds the output to decides how far the last windows reach.
    const bottom = reach(info.outHeight, info.strideHeight, info.effectiveFilterHeight) - info.inHeight - top;
    const right = reach(info.outWidth, info.strideWidth, info.effectiveFilterWidth) - info.inWidth - left;
    return this.#depthwise.conv2d({
      inputLayout: 'nhwc',
      filterLayout: 'ihwo',
      inputShape: info.inShape,
      // [h, w, c, m] is [1, h, w, c·m] in memory.
      filterShape: [1, info.filterHeight, info.filterWidth, info.outChannels],
      strides: [info.strideHeight, info.strideWidth],
      dilations: [info.dilationHeight, info.dilationWidth],
      padding: [top, bottom, left, right],
    });
  }
}

/** How many elements so many windows reach over. */
function reach(windows: number, stride: number, extent: number): number {
  return (windows - 1) * stride + extent;
}
