/** The worker: one engine, which answers one question after another. */

import * as engine from 'depthwise-engine';

import { load } from './load';
import type { Answer, Facts, Methods, Picture, Progress, Question, Report, Sizes } from './protocol';
import { Bench } from '../speed/bench';

const memory = load();

let teacher: engine.Teacher | undefined;
let campaign: engine.Campaign | undefined;
let bench: Bench | undefined;

function there<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error('nothing has been started');
  return thing;
}

const methods: { [M in keyof Methods]: (...args: Parameters<Methods[M]>) => unknown } = {
  about: () => ({
    isa: engine.isa(),
    contract: engine.contract(),
    machine: engine.machine(),
    version: engine.version(),
  }),
  memory: async () => (await memory).buffer.byteLength,

  teach(classes, seed) {
    teacher?.free();
    teacher = new engine.Teacher(classes, seed);
  },
  lesson: (label, drawing, heldOut) => there(teacher).add(label, drawing, heldOut),
  train: (seconds) => JSON.parse(there(teacher).train(seconds)) as Progress,
  test: (batches) => there(teacher).test(batches),
  recognise: (drawing) => there(teacher).recognise(drawing),
  weights: () => there(teacher).weights(),
  setWeights: (weights) => there(teacher).setWeights(weights),

  campaign(seed, countClasses) {
    campaign?.free();
    campaign = new engine.Campaign(seed, countClasses);
  },
  judge(cases) {
    there(campaign).run(cases);
    return JSON.parse(there(campaign).report()) as Report;
  },

  cover: (choice) => JSON.parse(engine.cover(JSON.stringify(choice))) as Picture,

  peak: () => engine.peak(),
  bandwidth: (bytes) => engine.bandwidth(bytes),
  async layer(sizes: Sizes): Promise<Facts> {
    bench ??= new Bench(await memory);
    return bench.layer(sizes);
  },
  calls: (subject, seconds) => there(bench).calls(subject, seconds),
  sample: (subject, calls) => there(bench).sample(subject, calls),
  async rival(name) {
    bench ??= new Bench(await memory);
    await bench.load(name);
  },
  prepare: (name) => there(bench).prepare(name),
  release: () => bench?.release(),
};

async function answer({ id, method, args }: Question): Promise<Answer> {
  try {
    await memory;
    const run = methods[method] as (...args: unknown[]) => unknown;
    return { id, result: await run(...args) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

self.onmessage = async ({ data }: MessageEvent<Question>) => {
  self.postMessage(await answer(data));
};
