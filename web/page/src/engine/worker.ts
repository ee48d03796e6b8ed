/** The worker: one engine, which answers one question after another. */

import { Bench } from '../speed/bench';
import { load, type Campaign, type Loaded, type Teacher } from './load';
import type { Answer, Facts, Methods, Picture, Progress, Question, Report } from './protocol';

type Service = { [M in keyof Methods]: (...args: Parameters<Methods[M]>) => unknown };

function there<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error('nothing has been started');
  return thing;
}

function service({ engine, memory }: Loaded): Service {
  const bench = new Bench(engine, memory);
  let teacher: Teacher | undefined;
  let campaign: Campaign | undefined;
  return {
    about: () => ({
      isa: engine.isa(),
      contract: engine.contract(),
      machine: engine.machine(),
      version: engine.version(),
    }),
    memory: () => memory.buffer.byteLength,

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
    layer: (sizes): Facts => bench.layer(sizes),
    calls: (subject, seconds) => bench.calls(subject, seconds),
    sample: (subject, calls) => bench.sample(subject, calls),
    rival: (name) => bench.load(name),
    prepare: (name) => bench.prepare(name),
    release: () => bench.release(),
  };
}

let loading: Promise<{ loaded: Loaded; methods: Service }> | undefined;

/** What a trap happened in; the engine has nothing more to say after one. */
async function running(error: unknown): Promise<string | undefined> {
  return error instanceof WebAssembly.RuntimeError ? (await loading)?.loaded.running() : undefined;
}

async function answer({ id, method, args }: Question): Promise<Answer> {
  try {
    loading ??= load().then((loaded) => ({ loaded, methods: service(loaded) }));
    const run = (await loading).methods[method] as (...args: unknown[]) => unknown;
    return { id, result: await run(...args) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { id, error: message, repeat: await running(error) };
  }
}

self.onmessage = async ({ data }: MessageEvent<Question>) => {
  self.postMessage(await answer(data));
};
