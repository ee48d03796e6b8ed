/** How long it may take to find the fastest of several, in milliseconds. */
export interface Budget {
  /** That is spent in any case. */
  readonly milliseconds: number;
  /** The clock. */
  readonly now: () => number;
}

/** So many times what the clock resolves is timed at a time, and so many milliseconds at least. */
const [TICKS, SHORTEST] = [8, 0.25];

/** More of the first's time than this another must save to be preferred. */
const WORTH = 0.03;

/** A run whose least time has fallen by more than this lately is still being compiled. */
const SETTLED = 0.1;

/** Rounds that tell whether it still falls. */
const LATELY = 4;

/** Times the budget that waiting for the compiler may take. */
const PATIENCE = 8;

/**
 * Index of the fastest of `runs`, which do the same: the first, unless another saves a few hundredths.
 *
 * They run in turns, so that whatever else the machine does hits all alike, and the least time of each counts: what
 * engines compile well, they compile only after many calls.
 */
export function fastest(runs: readonly (() => void)[], { milliseconds, now }: Budget): number {
  if (runs.length < 2) return 0;
  const sample = Math.max(SHORTEST, TICKS * tick(now));
  const timed = (run: () => void, calls: number) => {
    const start = now();
    for (let call = 0; call < calls; call += 1) run();
    return (now() - start) / calls;
  };
  const subjects = runs.map((run) => ({ run, least: [] as number[], calls: 1 }));
  const start = now();
  for (let spent = 0; spent < PATIENCE * milliseconds; spent = now() - start) {
    const settled = subjects.every(({ least }) => {
      const [last, earlier] = [least.at(-1), least.at(-1 - LATELY)];
      return last !== undefined && earlier !== undefined && last >= earlier * (1 - SETTLED);
    });
    if (settled && spent >= milliseconds) break;
    for (const subject of subjects) {
      const time = timed(subject.run, subject.calls);
      subject.least.push(Math.min(time || Infinity, subject.least.at(-1) ?? Infinity));
      // What has become faster is called more often.
      subject.calls = time > 0 ? Math.max(1, Math.round(sample / time)) : 2 * subject.calls;
    }
  }
  const times = subjects.map(({ least }) => least.at(-1) ?? Infinity);
  const least = Math.min(...times);
  return (times[0] ?? Infinity) * (1 - WORTH) <= least ? 0 : times.indexOf(least);
}

/** The least that the clock moves by. */
function tick(now: () => number): number {
  const start = now();
  for (;;) {
    const step = now() - start;
    if (step > 0) return step;
  }
}
