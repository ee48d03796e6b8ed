import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { load } from 'depthwise';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const depthwise = await load();
const options = {
  inputShape: [1, 14, 14, 32], filterShape: [1, 3, 3, 32], padding: [1, 1, 1, 1], inputLayout: 'nhwc', filterLayout: 'ihwo',
};

/** Bytes of the heap after collecting what is unreachable. */
async function heap() {
  for (let times = 0; times < 3; times++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}

test('heap and wasm memory stay as they are over 10,000 calls', async () => {
  const conv = depthwise.conv2d(options);
  const [x, y, w] = [new Float32Array(6272).fill(1), new Float32Array(6272), new Float32Array(288).fill(1)];
  const [tx, ty, tw] = [x, y, w].map((array) => depthwise.tensor(array));
  const calls = (count) => {
    for (let call = 0; call < count; call++) {
      conv.forward(x, w, y);
      conv.forward(tx, tw, ty, { bias: tw.length === 288 ? undefined : tw });
      conv.gradInput(ty, w, x.slice());
      conv.gradWeight(x, ty, w.slice(), { accumulate: true });
      conv.gradBias(y, new Float32Array(32));
    }
  };
  calls(4500);
  const size = depthwise.memorySize;
  // What leaks does so most of the time; what the engine makes of hot code comes once, at any.
  const grown = [];
  for (let round = 0; round < 5; round++) {
    const before = await heap();
    calls(2000);
    grown.push((await heap()) - before);
  }
  const middle = grown.sort((a, b) => a - b)[2];
  assert.ok(middle < 100_000, `the heap grew by ${grown} bytes`);
  assert.equal(depthwise.memorySize, size);
});

test('convolutions and tensors that are disposed of leave nothing', async () => {
  const make = (count) => {
    for (let time = 0; time < count; time++) {
      const conv = depthwise.conv2d(options);
      const tensor = depthwise.tensor(100_000);
      tensor.view()[0] = conv.outputShape[0];
      for (const resource of [conv, tensor]) resource[Symbol.dispose]();
    }
  };
  make(5000);
  const [before, size] = [await heap(), depthwise.memorySize];
  make(20_000);
  const grown = (await heap()) - before;
  // The engine's own tables come and go; a forgotten object would be 50 bytes or more.
  assert.ok(grown < 20 * 40_000, `the heap grew by ${grown} bytes`);
  assert.equal(depthwise.memorySize, size);
});

test('what is forgotten is freed when it is collected', async () => {
  const megabytes = 64;
  const forget = () => {
    for (let time = 0; time < megabytes; time++) depthwise.tensor(2 ** 18);
  };
  forget();
  await heap();
  const size = depthwise.memorySize;
  for (let round = 0; round < 8; round++) {
    forget();
    await heap();
  }
  assert.ok(depthwise.memorySize <= size + 8 * 2 ** 20, `${depthwise.memorySize - size} more bytes`);
});

test('growth empties no view that is asked for after it, and results arrive', () => {
  const conv = depthwise.conv2d(options);
  const tensor = depthwise.tensor(new Float32Array(6272).fill(1));
  const stale = tensor.view();
  const size = depthwise.memorySize;
  const large = depthwise.tensor(size / 4 + 1);
  assert.ok(depthwise.memorySize > size);
  assert.equal(stale.length, 0);
  assert.equal(tensor.view()[17], 1);
  const y = new Float32Array(6272);
  conv.forward(tensor, new Float32Array(288).fill(1), y);
  assert.equal(y[15 * 32], 9);
  large.dispose();
});

test('growth in the middle of a call', async () => {
  const fresh = await load({ kernels: 'all' });
  const side = 512;
  const shape = { inputShape: [1, 1, side, side], filterShape: [4, 1, 3, 3], padding: [1, 1, 1, 1] };
  const conv = fresh.conv2d(shape);
  const size = fresh.memorySize;
  const y = new Float32Array(4 * side * side);
  conv.forward(new Float32Array(side * side).fill(1), new Float32Array(36).fill(1), y);
  assert.ok(fresh.memorySize > size);
  assert.equal(y[side + 1], 9);
  fresh.trim();
  const trimmed = fresh.memorySize;
  conv.forward(new Float32Array(side * side).fill(1), new Float32Array(36).fill(1), y);
  assert.equal(fresh.memorySize, trimmed);
});
