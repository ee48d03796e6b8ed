import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { bench } from '../src/bench.mjs';
import { CALL, NETWORKS, flops, layer, neededFlops, read, same } from '../src/layers.mjs';
import { worst } from '../src/reference.mjs';
import { roofline, sources } from '../src/roofline.mjs';
import { bestRival, leads, rooflineShare } from '../src/summary.mjs';
import { channelsFirst, channelsLast, operands } from '../src/tensors.mjs';
import { assemble } from '../src/wat.mjs';

const STRIDED = layer({ n: 1, c: 3, h: 8, w: 6, kh: 3, kw: 3, sh: 2, sw: 2, dil: 1, pads: [1, 1, 1, 1] });

test('the networks of the table have distinct layers', () => {
  const table = readFileSync(new URL('../../../crates/cli/networks.csv', import.meta.url), 'utf8');
  const layers = read(table, NETWORKS);
  assert.equal(new Set(layers.map(({ shape }) => shape)).size, layers.length);
  assert.ok(layers.every(({ names }) => names.length > 0));
  assert.throws(() => read(table, ['no_such_network']));
});

test('SAME is the least padding, and less at the beginning', () => {
  assert.deepEqual(same(STRIDED).pads, [0, 0, 1, 1]);
  assert.deepEqual(same(CALL).pads, [1, 1, 1, 1]);
});

test('padding saves operations', () => {
  assert.equal(flops(CALL), 2 * 4 * 9 * 16);
  assert.equal(neededFlops(CALL), 2 * 4 * 100);
});

test('layouts are turned into each other', () => {
  const planes = Float32Array.of(1, 2, 3, 4, 5, 6);
  assert.deepEqual([...channelsLast(planes, 2)], [1, 4, 2, 5, 3, 6]);
  assert.deepEqual(channelsFirst(channelsLast(planes, 2), 2), planes);
});

/** A convolution as its definition has it, in f32. */
function plain({ c, h, w, kh, kw, sh, sw, pads, oh, ow }, { x, weights }) {
  const y = new Float32Array(c * oh * ow);
  for (let i = 0; i < y.length; i++) {
    const [channel, row, column] = [Math.floor(i / (oh * ow)), Math.floor(i / ow) % oh, i % ow];
    for (let tap = 0; tap < kh * kw; tap++) {
      const [r, q] = [row * sh + Math.floor(tap / kw) - pads[0], column * sw + (tap % kw) - pads[1]];
      if (r >= 0 && r < h && q >= 0 && q < w) y[i] += x[(channel * h + r) * w + q] * weights[channel * kh * kw + tap];
    }
  }
  return y;
}

test('a right result is within its bound, a wrong one beyond', () => {
  const data = operands(STRIDED);
  const y = plain(STRIDED, data);
  assert.ok(worst('forward', STRIDED, data, y) <= 1);
  for (const index of [0, 7, y.length - 1]) {
    for (const wrong of [y[index] + 1e-4, NaN, Infinity]) {
      const spoilt = y.slice();
      spoilt[index] = wrong;
      assert.ok(!(worst('forward', STRIDED, data, spoilt) <= 1), `${index}: ${wrong}`);
    }
  }
  assert.throws(() => worst('forward', STRIDED, data, y.subarray(1)));
});

/** A subject that computes right, or adds `mistake`. */
function subject(name, mistake = 0) {
  const prepare = (layer, data) => {
    let y;
    const run = () => {
      y = plain(layer, data);
      y[0] += mistake;
    };
    return { cases: [{ pass: 'forward', layer, run, isAsync: false, result: () => y }], dispose() {} };
  };
  return { name, prepare };
}

const clock = { rounds: 3, now: () => performance.now() };

test('wrong results are not timed', async () => {
  const run = (mistake) => bench({ layers: [STRIDED], subjects: [subject('rival', mistake)], clock, log() {} });
  const [{ results }] = await run(0);
  assert.ok(results[0].median > 0 && results[0].error <= 1);
  await assert.rejects(run(1e-3), /rival: forward of .* is wrong/);
});

test('a roofline has peaks and bandwidths, and relaxed SIMD only where asked', async () => {
  const modules = await assemble(sources(false));
  const { peak, bandwidth } = await roofline({ 'mul+add 8': modules['mul+add 8'], read: modules.read }, clock.now);
  assert.deepEqual(Object.keys(peak), ['mul+add']);
  assert.ok(peak['mul+add'] > 0.1 && bandwidth.every(({ rate }) => rate > 0.01));
  assert.ok(Object.keys(sources(true)).some((name) => name.startsWith('relaxed_madd')));
});

test('the best rival of each layer counts', () => {
  const row = (subject, median) => ({ subject, pass: 'forward', median, least: median / 2 });
  const results = {
    environment: { statistic: 'median' },
    roofline: { peak: { 'mul+add': 1 }, bandwidth: [{ bytes: 4096, rate: 1 }] },
    layers: [
      { shape: '1x4_k3x3_s', neededFlops: 1e6, bytes: 1, results: [row('depthwise a', 2), row('x', 8), row('y', 6)] },
      { shape: '1x8_k3x3_s', neededFlops: 1e6, bytes: 1e9, results: [row('depthwise a', 1), row('x', 12), row('y', 20)] },
    ],
  };
  assert.equal(bestRival(results, results.layers[0]).subject, 'y');
  assert.deepEqual(leads(results, 'depthwise a'), [{ kernel: '3×3', mean: 6, least: 3, layers: 2 }]);
  assert.equal(rooflineShare(results, results.layers[0], results.layers[0].results[0]), 0.5);
  assert.equal(rooflineShare(results, results.layers[1], results.layers[1].results[0]), 1000);
});
