import assert from 'node:assert/strict';
import { test } from 'node:test';

import { conformance } from '../conformance.js';
import { FUSES, modules } from './modules.js';

for (const { name, options } of modules()) {
  test(`every pass against the definition: ${name}`, async () => {
    const { load } = await import('depthwise');
    const depthwise = await load(options);
    const { cases, compared, worst } = conformance(depthwise);
    console.log(`${name}: ${cases} cases, ${compared} elements, worst error ${worst.toFixed(3)} of its bound`);
    assert.equal(cases, 2880);
  });
}

test('both instruction sets are tested where the engine has them', () => {
  assert.equal(modules().length, FUSES ? 8 : 4);
});
