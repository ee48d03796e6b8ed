import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from 'depthwise';

const results = (span) => Array.from({ length: span.len }, (_, j) => span.out + j * span.outStep);
const columnsOf = ({ tiles, span }) =>
  span ? results(span) : Array.from({ length: tiles.columns * tiles.count }, (_, j) => tiles.out + j);

test('rectangles cover every result once', async () => {
  for (const [machine, kernels] of [['x86-64', '3x3'], ['arm64', '3x3'], ['x86-64', 'all'], ['arm64', 'all']]) {
    const depthwise = await load({ machine, kernels });
    for (const inputLayout of ['nhwc', 'nchw'])
      for (const kernel of [2, 3, 5, 7])
        for (const stride of [1, 2, 3])
          for (const size of [9, 16, 23]) {
            const [c, spatial] = [8, [size, size + 1]];
            const conv = depthwise.conv2d({
              inputShape: inputLayout === 'nhwc' ? [1, ...spatial, c] : [1, c, ...spatial],
              filterShape: [c, 1, kernel, kernel],
              strides: [stride, stride],
              padding: 'same-upper',
              inputLayout,
            });
            const output = inputLayout === 'nhwc' ? conv.outputShape.slice(1, 3) : conv.outputShape.slice(2);
            for (const [pass, [rows, columns]] of [['forward', output], ['gradInput', spatial]]) {
              const { instances, rectangles } = conv.explain(pass);
              const seen = new Uint8Array(rows * columns);
              for (const rectangle of rectangles) {
                assert.ok(instances.includes(rectangle.instance));
                for (const row of results(rectangle.rows))
                  for (const column of columnsOf(rectangle.columns)) seen[row * columns + column] += 1;
              }
              assert.ok(seen.every((times) => times === 1), `${pass} ${inputLayout} ${kernel} ${stride} ${size}`);
            }
            const { instances } = conv.explain('gradWeight');
            assert.match(instances[0], /^grad_weight_f32_/);
          }
  }
});

test('the machine decides the tiles', async () => {
  const instance = async (machine, kernels) => {
    const depthwise = await load({ machine, kernels });
    assert.equal(depthwise.machine, machine);
    const options = { inputShape: [1, 56, 56, 8], filterShape: [8, 1, 3, 3], padding: [1, 1, 1, 1], inputLayout: 'nhwc' };
    return depthwise.conv2d(options).explain('forward').instances[0];
  };
  for (const kernels of ['3x3', 'all']) {
    assert.equal(await instance('arm64', kernels), 'forward_f32_nhwc_3s1_3x7x1');
    assert.equal(await instance('x86-64', kernels), 'forward_f32_nhwc_3s1_1x7x1');
  }
});

test('this host is told from the sign of its NaN', async () => {
  const { machine } = await load();
  assert.equal(machine, { x64: 'x86-64', arm64: 'arm64' }[process.arch]);
});
