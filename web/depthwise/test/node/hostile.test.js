import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DepthwiseError, load } from 'depthwise';

const depthwise = await load();
const options = { inputShape: [1, 2, 5, 5], filterShape: [2, 1, 3, 3], padding: [1, 1, 1, 1] };
const conv = depthwise.conv2d(options);
const [x, w, b] = [new Float32Array(50).fill(1), new Float32Array(18).fill(1), new Float32Array(2)];

/** That `act` throws the error, with this message. */
function refuses(act, message) {
  assert.throws(act, (error) => {
    assert.ok(error instanceof DepthwiseError, String(error));
    assert.equal(error.name, 'DepthwiseError');
    assert.match(error.message, message);
    return true;
  });
}

test('lengths are checked by the library, and nothing is touched', () => {
  for (const wrap of [(array) => array, (array) => depthwise.tensor(array)]) {
    const untouched = wrap(new Float32Array(50).fill(7));
    refuses(() => conv.forward(wrap(new Float32Array(49)), w, untouched), /^input has 49 elements, expected 50$/);
    refuses(() => conv.forward(wrap(x), wrap(new Float32Array(19)), untouched), /^weights has 19 elements, expected 18$/);
    refuses(() => conv.forward(x, w, untouched, { bias: wrap(new Float32Array(3)) }), /^bias has 3 elements, expected 2$/);
    refuses(() => conv.forward(x, w, wrap(new Float32Array(0))), /^output has 0 elements, expected 50$/);
    refuses(() => conv.gradInput(wrap(new Float32Array(1)), w, untouched), /^grad_output has 1 elements, expected 50$/);
    refuses(() => conv.gradInput(x, w, wrap(new Float32Array(51))), /^grad_input has 51 elements, expected 50$/);
    refuses(() => conv.gradWeight(x, x, wrap(new Float32Array(17))), /^grad_weight has 17 elements, expected 18$/);
    refuses(() => conv.gradBias(x, wrap(new Float32Array(1))), /^grad_bias has 1 elements, expected 2$/);
    const elements = untouched instanceof Float32Array ? untouched : untouched.view();
    assert.ok(elements.every((value) => value === 7));
  }
});

test('another order of the filter does not change what is checked', () => {
  const turned = depthwise.conv2d({ ...options, filterShape: [3, 3, 1, 2], filterLayout: 'hwio' });
  refuses(() => turned.forward(x, new Float32Array(17), new Float32Array(50)), /^weights has 17 elements, expected 18$/);
  refuses(() => turned.gradWeight(x, x, depthwise.tensor(17), { accumulate: true }), /17 elements/);
  refuses(() => turned.gradInput(x, depthwise.tensor(19), new Float32Array(50)), /19 elements/);
});

test('arguments of other kinds', () => {
  for (const wrong of [undefined, null, 3, [1, 2], new Float64Array(50), new ArrayBuffer(200), {}]) {
    refuses(() => conv.forward(wrong, w, x), /neither a Float32Array nor a Tensor/);
    refuses(() => conv.gradBias(x, wrong), /neither a Float32Array nor a Tensor/);
  }
});

test('results that are an argument too', () => {
  const tensor = depthwise.tensor(50);
  refuses(() => conv.forward(tensor, w, tensor), /results are also an argument/);
  refuses(() => conv.gradInput(tensor, w, tensor), /results are also an argument/);
  const square = depthwise.conv2d({ inputShape: [1, 2, 3, 3], filterShape: [2, 1, 3, 3], padding: [1, 1, 1, 1] });
  const both = depthwise.tensor(18);
  refuses(() => square.gradWeight(both, depthwise.tensor(18), both), /results are also an argument/);
  refuses(() => square.forward(depthwise.tensor(18), both, both), /results are also an argument/);
  // Arguments may share a tensor, and arrays may be both, for they are copied.
  square.forward(both, both, depthwise.tensor(18));
  const array = new Float32Array(50).fill(1);
  conv.forward(array, w, array);
  assert.equal(array[12], 9);
});

test('views of tensors are refused: growth would empty them', () => {
  const tensor = depthwise.tensor(50);
  refuses(() => conv.forward(tensor.view(), w, x.slice()), /pass the Tensor/);
  refuses(() => conv.forward(x, w, tensor.view()), /pass the Tensor/);
});

test('what has been disposed of', () => {
  const tensor = depthwise.tensor(50);
  const gone = depthwise.conv2d(options);
  for (let times = 0; times < 2; times++) {
    tensor.dispose();
    gone.dispose();
  }
  refuses(() => tensor.view(), /the tensor has been disposed of/);
  refuses(() => tensor.length, /the tensor has been disposed of/);
  refuses(() => conv.forward(tensor, w, x.slice()), /the tensor has been disposed of/);
  for (const pass of [
    () => gone.forward(x, w, x.slice()),
    () => gone.gradInput(x, w, x.slice()),
    () => gone.gradWeight(x, x, w.slice()),
    () => gone.gradBias(x, b.slice()),
    () => gone.explain('forward'),
  ]) refuses(pass, /the convolution has been disposed of/);
});

test('tensors of another module', async () => {
  const other = await load({ module: 'simd128', kernels: 'all' });
  refuses(() => conv.forward(other.tensor(50), w, x.slice()), /belongs to another module/);
});

test('options that describe no convolution', () => {
  const bad = [
    [{ inputShape: [1, 2, 5] }, /^inputShape has 3 elements, expected 4$/],
    [{ inputShape: [1, 2, 5, NaN] }, /^inputShape\[3\] is NaN, it must be a whole number/],
    [{ inputShape: [1, 2, 5, 2.5] }, /^inputShape\[3\] is 2.5/],
    [{ inputShape: [1, 2, -5, 5] }, /^inputShape\[2\] is -5/],
    [{ inputShape: [1, 2, 2 ** 32, 5] }, /^inputShape\[2\] is 4294967296/],
    [{ inputShape: [1, 2, '5', 5] }, /^inputShape\[2\] is 5, it must be a whole number/],
    [{ inputShape: undefined }, /^inputShape has 0 elements/],
    [{ filterShape: [2, 2, 3, 3] }, /2 input channels for each group, expected 1/],
    [{ filterShape: [3, 1, 3, 3] }, /3 output channels for 2 input channels, expected a multiple/],
    [{ filterShape: [0, 1, 3, 3] }, /^multiplier is 0/],
    [{ inputShape: [0, 2, 5, 5] }, /^batch is 0, it must be at least 1$/],
    [{ inputShape: [1, 0, 5, 5] }, /expected a multiple/],
    [{ inputShape: [1, 2, 0, 5] }, /^input height is 0/],
    [{ inputShape: [1, 2, 5, 0], padding: [0, 0, 9, 9] }, /^input width is 0/],
    [{ strides: [0, 1] }, /^stride in height is 0/],
    [{ dilations: [1, 0] }, /^dilation in width is 0/],
    [{ dilations: [9, 1] }, /the dilated kernel has 19 elements, the padded input only 7/],
    [{ strides: [1] }, /^strides has 1 elements, expected 2$/],
    [{ padding: [1, 1, 1] }, /^padding has 3 elements, expected 4$/],
    [{ padding: [-3, -3, 0, 0] }, /the padded input only 0/],
    [{ padding: [2 ** 31, 0, 0, 0] }, /^padding\[0\] is 2147483648/],
    [{ padding: 'same' }, /^padding is same, it must be one of valid, same-upper, same-lower$/],
    [{ inputLayout: 'chwn' }, /^inputLayout is chwn/],
    [{ filterLayout: 'toString' }, /^filterLayout is toString/],
    [{ activation: 'gelu' }, /^activation is gelu/],
    [{ activation: { min: 1, max: 0 } }, /^activation \[1, 0\] is not an interval$/],
    [{ activation: { min: NaN } }, /not an interval/],
    [{ machine: 'pdp-11' }, /^unknown machine/],
    [{ inputShape: [65536, 65536, 4, 4], filterShape: [65536, 1, 3, 3] }, /larger than this target can address/],
    [{ inputShape: [2 ** 32 - 1, 2, 2 ** 32 - 1, 2 ** 32 - 1] }, /larger than this target can address/],
  ];
  for (const [wrong, message] of bad) refuses(() => depthwise.conv2d({ ...options, ...wrong }), message);
});

test('tensors that cannot be', () => {
  for (const length of [-1, 1.5, NaN, Infinity, 2 ** 32]) refuses(() => depthwise.tensor(length), /can't be/);
  refuses(() => depthwise.tensor(2 ** 32 - 1), /no memory/);
  refuses(() => depthwise.tensor(2 ** 30), /no memory/);
  // The module goes on working.
  const y = new Float32Array(50);
  conv.forward(x, w, y);
  assert.equal(y[12], 9);
});

test('values that are no numbers stay so, and reach no further than their windows', () => {
  const nan = x.slice();
  nan[0] = NaN;
  const y = new Float32Array(50);
  const clamped = depthwise.conv2d({ ...options, activation: 'relu6' });
  clamped.forward(nan, w, y);
  assert.deepEqual([...y].map(Number.isNaN).flatMap((is, at) => (is ? [at] : [])), [0, 1, 5, 6]);
  const infinite = w.slice();
  infinite[0] = Infinity;
  // The first tap of the first output lies in the padding.
  conv.forward(x, infinite, y);
  assert.equal(y[0], 4);
});

test('modules that cannot be loaded', async () => {
  await assert.rejects(load({ module: 'simd256' }), DepthwiseError);
  await assert.rejects(load({ kernels: '4x4', module: 'x' }), DepthwiseError);
});
