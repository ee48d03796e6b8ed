// The engine's limits: operations a second in independent chains, and bytes a second that are read.

import { summary } from './timing.mjs';

/** Chains that hide the latency and still fit the registers. */
const CHAINS = [8, 10, 12, 14];
const STEPS = 20000;
const SAMPLES = 41;

/** Sizes whose reading is measured, in bytes. */
const SIZES = Array.from({ length: 14 }, (_, i) => 2 ** (13 + i));
const READ_AT_LEAST = 2 ** 21;

/** What a step does to an accumulator, by the name of the limit. */
const STEP = {
  'mul+add': (a) => `(f32x4.add (f32x4.mul (local.get ${a}) (local.get $x)) (local.get $y))`,
  relaxed_madd: (a) => `(f32x4.relaxed_madd (local.get ${a}) (local.get $x) (local.get $y))`,
};

/** The source of a module whose function `run(steps)` does so many steps in each of so many chains. */
export function chains(name, count) {
  const vectors = Array.from({ length: count }, (_, i) => `$v${i}`);
  const steps = vectors.map((v) => `(local.set ${v} ${STEP[name](v)})`);
  const sum = vectors.map((v) => `(local.set $y (f32x4.add (local.get $y) (local.get ${v})))`);
  return `(module (func (export "run") (param $steps i32) (result f32)
    (local $x v128) (local $y v128) ${vectors.map((v) => `(local ${v} v128)`).join(' ')}
    (local.set $x (f32x4.splat (f32.convert_i32_s (local.get $steps))))
    (loop $again
      ${steps.join('\n      ')}
      (br_if $again (local.tee $steps (i32.sub (local.get $steps) (i32.const 1)))))
    ${sum.join('\n    ')}
    (f32x4.extract_lane 0 (local.get $y))))`;
}

/** The source of a module whose function `run(bytes, times)` reads the first bytes of its memory so often. */
export function reader() {
  const sums = Array.from({ length: 8 }, (_, i) => `$s${i}`);
  const loads = sums.map(
    (s, i) => `(local.set ${s} (i32x4.add (local.get ${s}) (v128.load offset=${16 * i} (local.get $at))))`,
  );
  return `(module (memory (export "memory") ${SIZES.at(-1) / 65536})
    (func (export "run") (param $bytes i32) (param $times i32) (result i32)
      (local $at i32) ${sums.map((s) => `(local ${s} v128)`).join(' ')}
      (loop $again
        (local.set $at (i32.const 0))
        (loop $next
          ${loads.join('\n          ')}
          (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 128))) (local.get $bytes))))
        (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
      ${sums.slice(1).map((s) => `(local.set $s0 (i32x4.add (local.get $s0) (local.get ${s})))`).join('\n      ')}
      (i32x4.extract_lane 0 (local.get $s0))))`;
}

/** The modules by name, as source; whoever runs them compiles them. */
export function sources(relaxed) {
  const limits = ['mul+add', ...(relaxed ? ['relaxed_madd'] : [])];
  const peaks = limits.flatMap((name) => CHAINS.map((count) => [`${name} ${count}`, chains(name, count)]));
  return Object.fromEntries([...peaks, ['read', reader()]]);
}

/**
 * The limits, given the bytes of each module of {@link sources}: the most GFLOP/s of each kind, and GB/s for each size, each the
 * best of many samples.
 */
export async function roofline(modules, now) {
  const peak = {};
  let bandwidth = [];
  for (const [name, module] of Object.entries(modules)) {
    const { run, memory } = (await WebAssembly.instantiate(module)).instance.exports;
    if (memory) {
      // Memory that was never written may be one page of zeros.
      new Uint8Array(memory.buffer).fill(1);
      bandwidth = SIZES.map((bytes) => {
        const times = Math.max(1, READ_AT_LEAST / bytes);
        return { bytes, rate: (bytes * times) / best(() => run(bytes, times), now) / 1e6 };
      });
    } else {
      const [limit, count] = name.split(' ');
      const rate = (8 * count * STEPS) / best(() => run(STEPS), now) / 1e6;
      peak[limit] = Math.max(rate, peak[limit] ?? 0);
    }
  }
  return { peak, bandwidth };
}

/** Milliseconds of one call: the least of samples that are long enough for the clock. */
function best(run, now) {
  for (let warm = 0; warm < 20; warm++) run();
  const samples = Array.from({ length: SAMPLES }, () => {
    const start = now();
    for (let call = 0; call < 4; call++) run();
    return (now() - start) / 4;
  });
  return summary(samples).least;
}
