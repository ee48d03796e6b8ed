// Times of things that are called again and again, in turns, so that whatever else the machine does hits all alike.

/** Calls before each sample: what another subject has left in the caches is not this one's. */
const WARM_UP = 2;

/** Shortest sample, in milliseconds: many times what the clock resolves. */
const SAMPLE = 0.5;

/**
 * Milliseconds of one call of each of `cases`: the median and the least over `rounds` rounds.
 *
 * A case is `{ run, isAsync }`; `now` is the clock.
 */
export async function interleaved(cases, { rounds, now }) {
  const calls = [];
  for (const each of cases) calls.push(await calibrate(each, now));
  const samples = cases.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, each] of cases.entries()) {
      await repeat(each, WARM_UP);
      samples[index].push((await timed(each, calls[index], now)) / calls[index]);
    }
  }
  return samples.map(summary);
}

/** How many calls a sample has. They are warm after this: an engine optimises what is called often. */
async function calibrate(each, now) {
  for (let calls = 4; ; calls *= 2) {
    const time = await timed(each, calls, now);
    if (time >= 4 * SAMPLE) return Math.max(1, Math.round((SAMPLE * calls) / time));
  }
}

async function timed(each, calls, now) {
  const start = now();
  await repeat(each, calls);
  return now() - start;
}

async function repeat({ run, isAsync }, calls) {
  if (isAsync) for (let call = 0; call < calls; call++) await run();
  else for (let call = 0; call < calls; call++) run();
}

/** The median and the least. */
export function summary(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], least: sorted[0] };
}
