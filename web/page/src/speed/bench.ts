/** In a worker: one layer after another, ours and those of rivals, to be sampled. */

import { fastest } from '../../../depthwise/src/fastest';
import type { EngineModule, Layer } from '../engine/load';
import { type Facts, PASSES, type RivalName, type Sizes } from '../engine/protocol';
import type { Rival, RivalLayer } from './rivals/rival';

/** Ours: a pass in place, or forward with all tensors copied in and out. */
const OURS = ['forward', 'grad_input', 'grad_weight', 'copied'];

/** Milliseconds of a pass in which its tiles are chosen. */
const TUNING = 60;

export class Bench {
  readonly #engine: EngineModule;
  readonly #memory: WebAssembly.Memory;
  readonly #rivals = new Map<RivalName, Rival>();
  readonly #rivalLayers = new Map<string, RivalLayer>();
  #layer: Layer | undefined;
  #sizes: Sizes | undefined;
  #output: [number, number] = [0, 0];
  /** Copies of the tensors outside of the engine's memory. */
  #copies: [Float32Array, Float32Array, Float32Array] | undefined;

  constructor(engine: EngineModule, memory: WebAssembly.Memory) {
    this.#engine = engine;
    this.#memory = memory;
  }

  layer(sizes: Sizes): Facts {
    this.release();
    this.#sizes = sizes;
    this.#layer = new this.#engine.Layer(JSON.stringify(sizes));
    for (const pass of PASSES.keys()) tune(this.#layer, pass);
    const facts = JSON.parse(this.#layer.check()) as Facts;
    this.#output = facts.output;
    const [x, weights, y] = this.#views();
    this.#copies = [x.slice(), weights.slice(), y.slice()];
    return facts;
  }

  async load(name: RivalName): Promise<void> {
    if (this.#rivals.has(name)) return;
    const module = name === 'tfjs' ? await import('./rivals/tfjs') : await import('./rivals/ort');
    this.#rivals.set(name, await module.load());
  }

  /** Makes a rival's layer, and compares its result with ours. */
  async prepare(name: RivalName): Promise<number> {
    const rival = this.#rivals.get(name);
    if (!rival || !this.#layer || !this.#sizes || !this.#copies) throw new Error('no layer');
    const [x, weights] = this.#copies;
    const layer = await rival.layer(this.#sizes, this.#output, x, weights);
    this.#rivalLayers.set(name, layer);
    this.#layer.run(0, 1);
    const ours = this.#views()[2];
    const theirs = await layer.result();
    let [difference, largest] = [0, 0];
    for (const [i, value] of ours.entries()) {
      const other = theirs[i] ?? Number.NaN;
      difference = Math.max(difference, Number.isNaN(other) ? Infinity : Math.abs(value - other));
      largest = Math.max(largest, Math.abs(value));
    }
    return ours.length === theirs.length ? difference / largest : Infinity;
  }

  /** Calls that take about so long, by the fastest of three: the first may be compiled, or interrupted. */
  async calls(subject: string, seconds: number): Promise<number> {
    for (let calls = 1; ; calls *= 2) {
      let least = Infinity;
      for (let i = 0; i < 3; i += 1) least = Math.min(least, (await this.sample(subject, calls)) * calls);
      if (least >= seconds / 2) return Math.max(1, Math.round((calls * seconds) / least));
    }
  }

  async sample(subject: string, calls: number): Promise<number> {
    const rival = this.#rivalLayers.get(subject);
    const start = performance.now();
    if (rival) await rival.run(calls);
    else this.#run(subject, calls);
    return (performance.now() - start) / 1000 / calls;
  }

  #run(subject: string, calls: number): void {
    const pass = OURS.indexOf(subject);
    if (!this.#layer || pass < 0) throw new Error(`nothing to time for ${subject}`);
    if (subject !== 'copied') return this.#layer.run(pass, calls);
    for (let call = 0; call < calls; call += 1) this.#runCopied();
  }

  /** As someone has it who keeps tensors outside. */
  #runCopied(): void {
    const [x, weights, y] = this.#views();
    const [fromX, fromWeights, toY] = this.#copies ?? [];
    if (!this.#layer || !fromX || !fromWeights || !toY) return;
    x.set(fromX);
    weights.set(fromWeights);
    this.#layer.run(0, 1);
    toY.set(y);
  }

  #views(): [Float32Array, Float32Array, Float32Array] {
    const places = this.#layer?.tensors() ?? [];
    const view = (tensor: number) =>
      new Float32Array(this.#memory.buffer, places[2 * tensor], places[2 * tensor + 1]);
    return [view(0), view(1), view(2)];
  }

  release(): void {
    for (const layer of this.#rivalLayers.values()) layer.dispose();
    this.#rivalLayers.clear();
    this.#layer?.free();
    this.#layer = undefined;
    this.#copies = undefined;
  }
}

/** Has a pass run by the plan that is fastest here. */
function tune(layer: Layer, pass: number): void {
  const runs = Array.from({ length: layer.alternatives(pass) }, (_, alternative) => () => {
    layer.choose(pass, alternative);
    layer.run(pass, 1);
  });
  layer.choose(pass, fastest(runs, { milliseconds: TUNING, now: () => performance.now() }));
}
