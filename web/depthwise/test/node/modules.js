// What can be loaded here: each module, with the tiles of each machine.

import { hasFusedMultiplyAdd } from '../../dist/probe.js';

export const FUSES = hasFusedMultiplyAdd();

/** Options of `load`. */
export function modules() {
  const names = FUSES ? ['simd128', 'relaxed-simd'] : ['simd128'];
  const each = (values, key, options) => values.map((value) => ({ ...options, [key]: value }));
  return names
    .flatMap((module) => each(['3x3', 'all'], 'kernels', { module }))
    .flatMap((options) => each(['x86-64', 'arm64'], 'machine', options));
}
