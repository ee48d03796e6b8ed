// A run: the limits and the times, with where and when.

import { bench } from './bench.mjs';
import { roofline } from './roofline.mjs';

/** The results as data. `wanted` has the names of subjects, or how they begin. */
export async function run({ layers, subjects, wanted, modules, clock, log }) {
  const chosen = subjects.filter(({ name }) => wanted.some((start) => name.startsWith(start)));
  const limits = await roofline(modules, clock.now);
  log(`GFLOP/s: ${JSON.stringify(limits.peak)}`);
  return { roofline: limits, layers: await bench({ layers, subjects: chosen, clock, log }) };
}
