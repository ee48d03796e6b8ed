import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DepthwiseError, load } from 'depthwise';

import { fastest } from '../../dist/fastest.js';
import { modules } from './modules.js';

const PASSES = ['forward', 'gradInput', 'gradWeight'];

/** A clock, and runs that take what is told of their calls. */
function rehearsal(...costs) {
  let time = 0;
  const runs = costs.map((cost) => {
    let calls = 0;
    return () => {
      time += cost(calls++);
    };
  });
  return { runs, now: () => (time += 1e-4) };
}

const chosen = (milliseconds, ...costs) => {
  const { runs, now } = rehearsal(...costs);
  return fastest(runs, { milliseconds, now });
};

test('the fastest is chosen, and the first where none is much faster', () => {
  const takes = (milliseconds) => () => milliseconds;
  assert.equal(chosen(50, takes(1), takes(0.9), takes(0.95)), 1);
  assert.equal(chosen(50, takes(1), takes(1.1), takes(0.5)), 2);
  assert.equal(chosen(50, takes(1), takes(0.99)), 0);
  assert.equal(chosen(50, takes(0.001), takes(0.0005)), 1);
  assert.equal(chosen(50, takes(1)), 0);
});

test('what is compiled late is waited for', () => {
  const compiled = (calls, slow, fast) => (call) => (call < calls ? slow : fast);
  const steadily = (slow, fast) => (call) => Math.max(fast, slow * 0.9 ** call);
  assert.equal(chosen(20, () => 1, steadily(10, 0.5)), 1);
  assert.equal(chosen(50, compiled(30, 10, 1), compiled(35, 9, 0.5)), 1);
});

test('interruptions do not decide', () => {
  const interrupted = (usual, every) => (call) => (call % every === 0 ? 20 * usual : usual);
  assert.equal(chosen(50, () => 1, interrupted(0.8, 3)), 1);
});

for (const options of modules()) {
  test(`tuning changes no bit: ${Object.values(options).join(' ')}`, async () => {
    const depthwise = await load(options);
    const tiles = new Set();
    for (const inputLayout of ['nhwc', 'nchw'])
      for (const [kernel, stride, size] of [[3, 1, 14], [3, 2, 15], [5, 2, 14], [4, 1, 9]]) {
        const [c, pad] = [20, Math.floor(kernel / 2)];
        const conv = depthwise.conv2d({
          inputShape: inputLayout === 'nhwc' ? [2, size, size, c] : [2, c, size, size],
          filterShape: [c, 1, kernel, kernel],
          strides: [stride, stride],
          padding: [pad, pad, pad, pad],
          inputLayout,
        });
        const random = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898) * 3);
        const [x, w] = [random(2 * size * size * c), random(c * kernel * kernel)];
        const gy = random(conv.outputShape.reduce((a, b) => a * b));
        const results = () => {
          const [y, gx, gw] = [gy, x, w].map(({ length }) => new Float32Array(length));
          conv.forward(x, w, y);
          conv.gradInput(gy, w, gx);
          conv.gradWeight(x, gy, gw);
          return [y, gx, gw];
        };
        const before = results();
        const kernels = conv.tune({ milliseconds: 1 });
        assert.deepEqual(Object.keys(kernels), PASSES);
        for (const pass of PASSES) assert.equal(kernels[pass], conv.explain(pass).instances[0]);
        assert.deepEqual(results(), before);
        for (const kernel of Object.values(kernels)) tiles.add(kernel);
        conv.dispose();
      }
    assert.ok(tiles.size > 4);
  });
}

test('tuning takes no memory for good, and refuses what is no pass', async () => {
  const depthwise = await load();
  const conv = depthwise.conv2d({ inputShape: [1, 28, 28, 64], filterShape: [64, 1, 3, 3], inputLayout: 'nhwc' });
  for (let i = 0; i < 3; i++) conv.tune({ milliseconds: 1 });
  const size = depthwise.memorySize;
  for (let i = 0; i < 200; i++) conv.tune({ milliseconds: 0.01 });
  assert.equal(depthwise.memorySize, size);
  assert.deepEqual(Object.keys(conv.tune({ passes: ['gradInput'], milliseconds: 1 })), ['gradInput']);
  assert.throws(() => conv.tune({ passes: ['backward'] }), DepthwiseError);
  conv.dispose();
  assert.throws(() => conv.tune(), DepthwiseError);
});
