import assert from 'node:assert/strict';
import test from 'node:test';

import { build, count, hotLoops, innermost, machineCode, parse } from '../src/machine-code.mjs';

/** Kernels whose sums and a row of weights fit 16 registers, and little else. */
const NARROW = /^(forward_f32_nhwc_5s1_1x[234]x1|grad_input_f32_nhwc_[35]s2_1x[68]x1)$/;

/** Functions with the loops of weight gradients in NHWC: not the instance's, which hands them on. */
const WEIGHT_GRADIENT = /depthwise_kernels6reduce4tree17h/;

/** Multiplications of a loop over the positions of a weight gradient, at least. */
const POSITIONS = 9;

/** Spills for each multiplication that such a loop may have. */
const SPILLS = 0.25;

const LISTING = `name: _ZN1a5table26forward_f32_nhwc_3s1_1x4x117h0123456789abcdefE
Instructions (size = 64)
0x7f00     0  55                   push rbp
0x7f08     8  c5f85901             vmulps xmm0,xmm1,xmm2
0x7f10    10  c5f81045e0           vmovups xmm3,[rbp-0x20]
0x7f18    18  c5f81104b8           vmovups [rax+rdi*4],xmm3
0x7f20    20  c5f81004b8           REX.W vmovups xmm4,[rax+rdi*4]
0x7f28    28  75de                 jnz 0x7f08  <+0x8>
0x7f30    30  75de                 jnz 0x7f00  <+0x0>
`;

test('the innermost loop is counted, and what it spills', () => {
  const [kernel] = parse(LISTING);
  assert.equal(kernel.instructions.length, 7);
  const [loop, ...others] = innermost(kernel);
  assert.deepEqual(others, []);
  assert.deepEqual(count(loop), { instructions: 5, multiplies: 1, loads: 1, stores: 1, spills: 1 });
});

test('kernels for 16 registers keep their sums in registers', () => {
  const functions = machineCode(build());
  const narrow = [...hotLoops(functions)].filter(([name]) => NARROW.test(name));
  assert.equal(narrow.length, 7);
  const gradients = functions
    .filter(({ name }) => WEIGHT_GRADIENT.test(name))
    .flatMap((one) => innermost(one).map((loop) => ['weight gradient', count(loop)]))
    .filter(([, { multiplies }]) => multiplies >= POSITIONS);
  assert.ok(gradients.length >= 18, `${gradients.length} loops of weight gradients`);
  for (const [name, { multiplies, spills }] of [...narrow, ...gradients]) {
    assert.ok(spills <= SPILLS * multiplies, `${name}: ${spills} spills for ${multiplies} multiplications`);
  }
});
