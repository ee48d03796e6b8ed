import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from 'depthwise';

import { cases, conformance } from '../conformance.js';
import { FUSES, modules } from './modules.js';

test('every pass of every module against the definition', async () => {
  const loaded = await Promise.all(modules().map((options) => load(options)));
  assert.equal(loaded.length, FUSES ? 8 : 4);
  const { cases: checked, compared, worst } = conformance(loaded);
  const isas = [...new Set(loaded.map(({ isa }) => isa))].join(', ');
  console.log(`${loaded.length} modules (${isas}): ${checked} cases, ${compared} elements, worst error ${worst} of its bound`);
  assert.equal(checked, [...cases()].length);
  assert.equal(checked, 2928);
});
