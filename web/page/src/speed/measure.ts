/** Measures the layers of a network: all subjects in turns, so that whatever else runs hits all alike. */

import type { Engine } from '../engine/client';
import { PASSES, type RivalName } from '../engine/protocol';
import { device } from '../ui/device';
import { median } from '../ui/format';
import type { Network } from './networks';
import type { LayerResult, Results } from './results';

/** Seconds of a sample: browsers round the time to a tenth of a millisecond. */
const SAMPLE = 0.006;

/** Rounds over all subjects of a layer, of which the first is left out: code is still being compiled. */
const ROUNDS = 9;

/** Bytes that are read to measure memory: 16 KiB to 32 MiB. */
const SIZES = Array.from({ length: 12 }, (_, i) => 2 ** (14 + i));

/** A rival whose result is further from ours than this has computed something else. */
const TOLERANCE = 1e-4;

export interface Watcher {
  /** Whether to go on. */
  goesOn(): boolean;
  /** What is being done, and the share that is done. */
  progress(text: string, share: number): void;
  /** A layer is measured. */
  layer(results: Results): void;
}

export async function measure(
  engine: Engine,
  network: Network,
  rivals: readonly RivalName[],
  watcher: Watcher,
): Promise<Results | undefined> {
  watcher.progress('Measuring the processor…', 0);
  const { isa, version } = await engine.ask('about');
  const peak = await engine.ask('peak');
  const bandwidth: [number, number][] = [];
  for (const [i, bytes] of SIZES.entries()) {
    if (!watcher.goesOn()) return undefined;
    watcher.progress('Measuring the memory…', (0.1 * i) / SIZES.length);
    bandwidth.push([bytes, await engine.ask('bandwidth', bytes)]);
  }
  for (const rival of rivals) {
    watcher.progress(`Loading ${NAMES[rival]}…`, 0.1);
    await engine.ask('rival', rival);
  }
  const layers: LayerResult[] = [];
  const results = (): Results => ({
    format: 'depthwise-speed',
    version: 1,
    depthwise: version,
    date: new Date().toISOString().slice(0, 10),
    device: device(),
    isa,
    network: network.title,
    rounds: ROUNDS - 1,
    layout: 'nhwc',
    peak,
    bandwidth,
    layers: [...layers],
  });
  for (const [index, layer] of network.layers.entries()) {
    if (!watcher.goesOn()) return undefined;
    const share = (done: number) => 0.1 + (0.9 * (index + done)) / network.layers.length;
    watcher.progress(`Tuning and checking ${layer.name}…`, share(0));
    const { flops, bytes, worst, machines } = await engine.ask('layer', layer.sizes);
    const differences: Record<string, number> = {};
    for (const rival of rivals) {
      const difference = await engine.ask('prepare', rival);
      if (difference > TOLERANCE) throw new Error(`${NAMES[rival]} computes something else on ${layer.name}`);
      differences[rival] = difference;
    }
    const subjects = [...PASSES, ...(rivals.length > 0 ? ['copied'] : []), ...rivals];
    const samples = await rounds(engine, subjects, (done) => {
      watcher.progress(`Timing ${layer.name}…`, share(done));
      return watcher.goesOn();
    });
    if (!samples) return undefined;
    const of = (statistic: (seconds: number[]) => number) =>
      Object.fromEntries([...samples].map(([subject, seconds]) => [subject, statistic(seconds)]));
    const [seconds, least] = [of(median), of((seconds) => Math.min(...seconds))];
    const tiles = Object.fromEntries(PASSES.map((pass, i) => [pass, machines[i] ?? '']));
    layers.push({ name: layer.name, flops, bytes, worst: Math.max(...worst), tiles, seconds, least, differences });
    watcher.layer(results());
  }
  await engine.ask('release');
  return results();
}

async function rounds(
  engine: Engine,
  subjects: readonly string[],
  goesOn: (done: number) => boolean,
): Promise<Map<string, number[]> | undefined> {
  const calls = new Map<string, number>();
  for (const subject of subjects) calls.set(subject, await engine.ask('calls', subject, SAMPLE));
  const samples = new Map(subjects.map((subject) => [subject, [] as number[]]));
  for (let round = 0; round < ROUNDS; round += 1) {
    if (!goesOn(round / ROUNDS)) return undefined;
    // Every other round backwards, so that none always follows the same one.
    for (const subject of round % 2 ? [...subjects].reverse() : subjects) {
      const sample = await engine.ask('sample', subject, calls.get(subject) ?? 1);
      if (round > 0) samples.get(subject)?.push(sample);
    }
  }
  return samples;
}

export const NAMES: Readonly<Record<RivalName, string>> = {
  tfjs: 'TensorFlow.js',
  ort: 'ONNX Runtime',
};
