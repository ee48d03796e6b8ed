// A program that uses every type of the package, compiled strictly and never run.

import {
  type Conv2d,
  type Conv2dOptions,
  type Depthwise,
  DepthwiseError,
  type Explanation,
  type Operand,
  type Tensor,
  load,
} from 'depthwise';
import { register } from 'depthwise/tfjs';

const options: Conv2dOptions = {
  inputShape: [1, 3, 8, 8],
  filterShape: [6, 1, 3, 3],
  padding: 'same-upper',
  activation: { min: 0 },
};

export async function program(): Promise<Explanation> {
  const depthwise: Depthwise = await load({ module: 'simd128', kernels: 'all', machine: 'arm64' });
  const conv: Conv2d = depthwise.conv2d(options);
  const tensor: Tensor = depthwise.tensor(192);
  const operands: Operand[] = [tensor, new Float32Array(54)];
  const [x, w] = operands as [Operand, Operand];
  conv.forward(x, w, new Float32Array(384), { bias: new Float32Array(6) });
  conv.gradWeight(x, new Float32Array(384), w, { accumulate: true });
  const { forward }: { forward?: string } = conv.tune({ passes: ['forward'], milliseconds: 20 });
  if (forward === undefined) throw new DepthwiseError('never');
  // @ts-expect-error Arrays of numbers are no operands.
  conv.gradBias([1, 2], w);
  // @ts-expect-error A layout has a name.
  depthwise.conv2d({ ...options, inputLayout: 'chwn' });
  // @ts-expect-error Shapes have four sizes.
  depthwise.conv2d({ ...options, inputShape: [1, 3, 8] });
  const unregister: () => void = register(depthwise);
  unregister();
  if (conv.outputShape[0] !== 1) throw new DepthwiseError('never');
  tensor[Symbol.dispose]();
  return conv.explain('gradInput');
}
