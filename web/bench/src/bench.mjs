// The benchmark, in whatever JavaScript has WebAssembly: checks every result, then times all subjects in turns.

import { CALL, bytes, flops, neededFlops } from './layers.mjs';
import { worst } from './reference.mjs';
import { operands } from './tensors.mjs';
import { interleaved } from './timing.mjs';

/**
 * Times of all passes of `layers` in all `subjects`. `clock` is `{ rounds, now }`, and `log` is called with a line for each layer.
 *
 * A subject is `{ name, prepare(layer, operands, branches) }`, where `prepare` gives `{ cases, dispose }` and a case is `{ pass, layer, run,
 * isAsync, result }`, `layer` with the padding that the subject has, and `instance`, the kernel, if it tells. What a call costs besides the
 * pass is taken off its time: with `branches`, a model of so many convolutions is timed beside that of one; with `callCost`, a layer that
 * is almost nothing.
 */
export async function bench({ layers, subjects, clock, log }) {
  const calls = await callCosts(subjects.filter((subject) => subject.callCost), clock);
  const measured = [];
  for (const layer of layers) {
    const results = await measure(layer, subjects, clock, calls);
    const { shape, names } = layer;
    measured.push({ shape, names, flops: flops(layer), neededFlops: neededFlops(layer), bytes: bytes(layer), results });
    log(line(layer, results));
  }
  return measured;
}

async function callCosts(subjects, clock) {
  const results = await measure(CALL, subjects, clock, {});
  return Object.fromEntries(results.map(({ subject, call }) => [subject, call]));
}

async function measure(layer, subjects, clock, calls) {
  const data = operands(layer);
  const prepared = [];
  for (const subject of subjects) {
    for (const branches of subject.branches ? [1, subject.branches] : [1]) {
      const { cases, dispose } = await subject.prepare(layer, data, branches);
      prepared.push({ subject, branches, cases, dispose });
    }
  }
  const errors = new Map();
  for (const { subject, branches, cases } of prepared) {
    for (const each of branches === 1 ? cases : []) errors.set(each, await check(subject, each, data));
  }
  const all = prepared.flatMap(({ subject, branches, cases }) => cases.map((each) => ({ subject, branches, each })));
  const times = await interleaved(all.map(({ each }) => each), clock);
  prepared.forEach(({ dispose }) => dispose());
  const time = (subject, pass, branches) => {
    const index = all.findIndex((one) => one.subject === subject && one.each.pass === pass && one.branches === branches);
    return times[index];
  };
  return [...errors].map(([each, error]) => {
    const { subject } = all.find((one) => one.each === each);
    const call = time(subject, each.pass, 1);
    const several = subject.branches && time(subject, each.pass, subject.branches);
    const alone = (statistic) => {
      if (several) return (several[statistic] - call[statistic]) / (subject.branches - 1);
      return call[statistic] - (calls[subject.name] ?? 0);
    };
    const { pass, instance } = each;
    return { subject: subject.name, pass, instance, call: call.median, median: alone('median'), least: alone('least'), error };
  });
}

async function check(subject, each, data) {
  each.run();
  const error = worst(each.pass, each.layer, data, await each.result());
  if (!(error <= 1)) throw new Error(`${subject.name}: ${each.pass} of ${each.layer.shape} is wrong: ${error} × the bound`);
  return error;
}

function line(layer, results) {
  const times = results.map(({ subject, pass, median }) => `${subject} ${pass} ${(median * 1e3).toFixed(1)}`);
  return `${layer.shape} µs: ${times.join(', ')}`;
}
