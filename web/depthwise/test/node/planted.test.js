// Bugs that are planted between the package and its checks, each of which the conformance cases must see.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from 'depthwise';

import { conformance } from '../conformance.js';

/** Modules whose convolutions do something else than they were asked for: what `options` makes of the options, and
 * `overrides` of the methods. */
const PLANTED = {
  'pads of rows are swapped': {
    options: ({ padding, ...rest }) =>
      Array.isArray(padding) ? { ...rest, padding: [padding[1], padding[0], ...padding.slice(2)] } : { ...rest, padding },
  },
  'pads of columns are swapped': {
    options: ({ padding, ...rest }) =>
      Array.isArray(padding) ? { ...rest, padding: [padding[0], padding[1], padding[3], padding[2]] } : { ...rest, padding },
  },
  'same-lower is same-upper': {
    options: (options) => ({ ...options, ...(options.padding === 'same-lower' && { padding: 'same-upper' }) }),
  },
  'taps are read backwards': {
    overrides: (conv) => ({
      forward: (x, w, y, options) => conv.forward(x, (w.view?.() ?? w).slice().reverse(), y, options),
    }),
  },
  'results are not clamped': { options: ({ activation, ...rest }) => rest },
  'the bias is forgotten': {
    overrides: (conv) => ({ forward: (x, w, y) => conv.forward(x, w, y) }),
  },
  'nothing is added to what was there': {
    overrides: (conv) => ({ gradWeight: (x, gy, gw) => conv.gradWeight(x, gy, gw) }),
  },
  'the last result is a few units in the last place off': {
    overrides: (conv) => ({
      gradInput(gy, w, gx, update) {
        conv.gradInput(gy, w, gx, update);
        const values = gx instanceof Float32Array ? gx : gx.view();
        values[values.length - 1] *= 1 + 2 ** -18;
      },
    }),
  },
  'a result is left as it was': {
    overrides: (conv) => ({
      forward(x, w, y, options) {
        const values = () => (y instanceof Float32Array ? y : y.view());
        const before = values()[0];
        conv.forward(x, w, y, options);
        values()[0] = before;
      },
    }),
  },
};

/** `depthwise` with a bug. */
function planted(depthwise, { options: changed = (options) => options, overrides = () => ({}) }) {
  return {
    isa: depthwise.isa,
    machine: depthwise.machine,
    tensor: (elements) => depthwise.tensor(elements),
    conv2d(options) {
      const conv = depthwise.conv2d(changed(options));
      const pass = (name) => (...operands) => conv[name](...operands);
      return {
        outputShape: conv.outputShape,
        forward: pass('forward'),
        gradInput: pass('gradInput'),
        gradWeight: pass('gradWeight'),
        gradBias: pass('gradBias'),
        dispose: () => conv.dispose(),
        ...overrides(conv),
      };
    },
  };
}

test('without a bug nothing is seen', async () => {
  const { cases } = conformance([planted(await load(), {})], 7);
  assert.ok(cases > 400);
});

for (const [name, bug] of Object.entries(PLANTED)) {
  test(`seen: ${name}`, async () => {
    const depthwise = planted(await load(), bug);
    assert.throws(() => conformance([depthwise]), /^Error: (case \d+ is wrong|\S+ is no \S+)/);
  });
}
