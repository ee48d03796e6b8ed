import assert from 'node:assert/strict';
import { test } from 'node:test';

import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { load } from 'depthwise';
import { register } from 'depthwise/tfjs';

import { error, random, reference } from '../reference.js';

await tf.setBackend('wasm');
const depthwise = await load();

/** Both gradient kernels on a backend, as arrays. They are called as TensorFlow.js calls them, but without its forward
 * pass, with which some of these paddings end in accesses out of its memory's bounds. */
async function gradients(backend, { x, w, dy, ...attributes }) {
  await tf.setBackend(backend);
  return tf.tidy(() => {
    const [tx, tw, tdy] = [x, w, dy].map(({ values, shape }) => tf.tensor4d(values, shape));
    const run = (kernel, inputs, more) =>
      tf.engine().runKernel(kernel, inputs, { dilations: [1, 1], ...attributes, ...more }).dataSync().slice();
    return [
      run('DepthwiseConv2dNativeBackpropInput', { dy: tdy, filter: tw }, { inputShape: x.shape }),
      run('DepthwiseConv2dNativeBackpropFilter', { x: tx, dy: tdy }, { filterShape: w.shape }),
    ];
  });
}

/** Whether arrays agree but for the order in which they were summed. */
function close(actual, expected, terms) {
  assert.equal(actual.length, expected.length);
  const bound = terms * 2 ** -22;
  actual.forEach((value, at) => assert.ok(Math.abs(value - expected[at]) <= bound, `${value} is no ${expected[at]} at ${at}`));
}

/** Every stride, padding, rounding and multiplier. TensorFlow.js allows no dilation in gradients. */
function* cases() {
  const paddings = [
    ['same'], ['valid'], [0, 'floor'], [1, 'floor'], [1, 'round'], [1, 'ceil'], [2, 'floor'], [2, 'ceil'],
    [[[0, 0], [1, 2], [0, 3], [0, 0]], 'floor'], [[[0, 0], [2, 0], [1, 1], [0, 0]], 'ceil'], [[[0, 0], [0, 0], [0, 0], [0, 0]]],
  ];
  for (const [pad, dimRoundingMode] of paddings)
    for (const strides of [[1, 1], [2, 2], [1, 2], [3, 1], 2])
      for (const [kh, kw] of [[3, 3], [5, 5], [2, 3]])
        for (const [channels, multiplier] of [[8, 1], [3, 2]])
          for (const [h, w] of [[9, 12], [8, 7]])
            yield { pad, dimRoundingMode, strides, kh, kw, channels, multiplier, h, w };
}

test('without it, the wasm backend has no gradients', async () => {
  await tf.setBackend('wasm');
  const [x, w] = [tf.ones([1, 4, 4, 1]), tf.ones([3, 3, 1, 1])];
  assert.throws(() => tf.grad((a) => tf.depthwiseConv2d(a, w, 1, 'same'))(x), /not registered/);
});

test('gradients equal those of the cpu backend', async () => {
  const unregister = register(depthwise);
  let count = 0;
  for (const { pad, dimRoundingMode, strides, kh, kw, channels, multiplier, h, w } of cases()) {
    const [input, filter] = [[2, h, w, channels], [kh, kw, channels, multiplier]];
    const { outShape } = tf.backend_util.computeConv2DInfo(input, filter, strides, [1, 1], pad, dimRoundingMode, true);
    const tensor = (shape, seed) => ({ shape, values: random(shape.reduce((a, b) => a * b), count + seed) });
    const example = {
      x: tensor(input, 1), w: tensor(filter, 2), dy: tensor(outShape, 3), strides, pad, dimRoundingMode,
    };
    const [wasm, cpu] = [await gradients('wasm', example), await gradients('cpu', example)];
    close(wasm[0], cpu[0], kh * kw * multiplier);
    close(wasm[1], cpu[1], 2 * h * w);
    count += 1;
  }
  console.log(`${count} cases against tfjs's cpu backend`);
  assert.equal(count, 660);
  unregister();
});

test('dilations, which its kernels are told of, are right too', async () => {
  const unregister = register(depthwise);
  await tf.setBackend('wasm');
  for (const dilations of [[2, 2], [1, 3]]) {
    const [x, w] = [random(2 * 9 * 10 * 4, 1), random(3 * 3 * 4, 2)];
    const options = {
      inputShape: [2, 9, 10, 4], filterShape: [1, 3, 3, 4], inputLayout: 'nhwc', filterLayout: 'ihwo', dilations, padding: 'same-upper',
    };
    const gy = random(2 * 9 * 10 * 4, 3);
    const expected = reference(options, { x, w, gy });
    const attrs = { strides: [1, 1], dilations, pad: 'same', inputShape: [2, 9, 10, 4], filterShape: [3, 3, 4, 1] };
    const [tx, tw, dy] = [tf.tensor(x, [2, 9, 10, 4]), tf.tensor(w, [3, 3, 4, 1]), tf.tensor(gy, [2, 9, 10, 4])];
    const run = (kernel, inputs) => tf.engine().runKernel(kernel, inputs, attrs).dataSync();
    assert.ok(error(run('DepthwiseConv2dNativeBackpropInput', { dy, filter: tw }), expected.gx) <= 1);
    assert.ok(error(run('DepthwiseConv2dNativeBackpropFilter', { x: tx, dy }), expected.gw) <= 1);
  }
  unregister();
});

test('a model with a depthwise layer trains on wasm', async () => {
  const unregister = register(depthwise);
  await tf.setBackend('wasm');
  const model = layers.sequential();
  const kernelInitializer = layers.initializers.glorotUniform({ seed: 1 });
  model.add(layers.layers.depthwiseConv2d({
    inputShape: [8, 8, 2], kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'relu', depthwiseInitializer: kernelInitializer,
  }));
  model.add(layers.layers.globalAveragePooling2d({}));
  model.add(layers.layers.dense({ units: 1, kernelInitializer }));
  model.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
  // Horizontal stripes against vertical ones.
  const images = Float32Array.from({ length: 16 * 8 * 8 * 2 }, (_, at) => {
    const [image, row, column] = [Math.floor(at / 128), Math.floor(at / 16) % 8, Math.floor(at / 2) % 8];
    return (image % 2 ? row : column) % 2 ? 1 : -1;
  });
  const [x, y] = [tf.tensor4d(images, [16, 8, 8, 2]), tf.tensor2d(Array.from({ length: 16 }, (_, at) => [at % 2]))];
  const losses = [];
  for (let step = 0; step < 80; step++) losses.push(await model.trainOnBatch(x, y));
  console.log(`loss ${losses[0].toFixed(3)} to ${losses.at(-1).toFixed(4)} in ${losses.length} steps`);
  assert.ok(losses.at(-1) < 0.05 * losses[0], `${losses[0]} to ${losses.at(-1)}`);
  unregister();
});

test('tensors are not left behind', async () => {
  const unregister = register(depthwise);
  await tf.setBackend('wasm');
  const before = tf.memory().numTensors;
  const size = depthwise.memorySize;
  for (let time = 0; time < 200; time++) {
    const [x, w] = [tf.ones([1, 8, 8, 4]), tf.ones([3, 3, 4, 1])];
    const gradients = tf.grads((a, b) => tf.depthwiseConv2d(a, b, 1, 'same'))([x, w]);
    tf.dispose([x, w, gradients]);
  }
  assert.equal(tf.memory().numTensors, before);
  assert.equal(depthwise.memorySize, size);
  unregister();
});
