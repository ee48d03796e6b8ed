// What can be loaded here: each module, with the tiles of each machine.

import { hasFusedMultiplyAdd } from '../../dist/probe.js';

export const FUSES = hasFusedMultiplyAdd();

/** Options of `load`, with a name. */
export function modules() {
  const all = [];
  for (const module of FUSES ? ['simd128', 'relaxed-simd'] : ['simd128'])
    for (const kernels of ['3x3', 'all'])
      for (const machine of ['x86-64', 'arm64'])
        all.push({ name: `${module}, ${kernels} kernels, tiles for ${machine}`, options: { module, kernels, machine } });
  return all;
}
