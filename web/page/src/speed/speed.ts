/** How fast is it here: the layers of a network, timed on this device, beside others on request. */

import { engines } from '../engine/client';
import { PASSES, RIVALS, type RivalName } from '../engine/protocol';
import { button, copyButton, select, stat, stats, Status, stopWhenHidden } from '../ui/controls';
import { h, id, replace, say } from '../ui/dom';
import { geometricMean, gigaflops, milliseconds, percent, significant } from '../ui/format';
import { link, parameter } from '../ui/fragment';
import { part } from '../ui/part';
import { folded, table, type Column } from '../ui/table';
import { measure, NAMES } from './measure';
import { NETWORKS, type Network } from './networks';
import { pack, pretty, unpack, type LayerResult, type Results } from './results';
import { limit, roofline, STYLES } from './roofline';

/** What is loaded for a rival, compressed as it lies on the server. */
const WEIGHT: Record<RivalName, string> = { tfjs: '0.7 MB', ort: '14 MB' };

export class Speed {
  readonly element: HTMLElement;
  #network: Network = NETWORKS[0] ?? { name: '', title: '', layers: [] };
  #running = false;
  readonly #run = button('Measure', () => void this.#press(), { class: 'primary wide' });
  readonly #status = new Status();
  readonly #bar = h('progress', { 'aria-label': 'Measurement', max: 1, value: 0, hidden: true });
  readonly #results = h('div', { class: 'results' });
  readonly #rivals = new Map<RivalName, HTMLInputElement>();

  constructor() {
    stopWhenHidden(() => this.#stop());
    this.element = part(
      'speed',
      'How fast is it here?',
      'The depthwise layers of a network, forward and both gradients, on one thread of this device. Each layer is ' +
        'checked before it is timed; the limits of the processor and its memory are measured, not looked up.',
      h(
        'div',
        { class: 'card' },
        h(
          'div',
          { class: 'beside' },
          select(
            'Network',
            NETWORKS.map(({ name, title }) => [name, title] as const),
            this.#network.name,
            (name) => (this.#network = NETWORKS.find((network) => network.name === name) ?? this.#network),
          ),
          h(
            'fieldset',
            { class: 'checks' },
            h('legend', {}, 'Beside'),
            ...RIVALS.map((rival) => this.#rival(rival)),
          ),
        ),
        this.#run,
        this.#bar,
        this.#status.element,
        this.#results,
      ),
    );
    const shared = parameter('speed', 'r');
    if (shared) void this.#open(shared);
  }

  #rival(rival: RivalName): HTMLElement {
    const input = h('input', { type: 'checkbox', id: id('rival') });
    this.#rivals.set(rival, input);
    return h(
      'label',
      { for: input.id },
      input,
      h('span', {}, `${NAMES[rival]} `, h('small', {}, `loads ${WEIGHT[rival]}`)),
    );
  }

  #stop(): void {
    this.#running = false;
  }

  async #press(): Promise<void> {
    if (this.#running) return this.#stop();
    this.#running = true;
    say(this.#run, 'Stop');
    this.#bar.hidden = false;
    try {
      await this.#measure();
    } catch (error) {
      this.#status.say(`Stopped: ${(error as Error).message}`);
    }
    this.#running = false;
    this.#bar.hidden = true;
    say(this.#run, 'Measure');
  }

  async #measure(): Promise<void> {
    const rivals = RIVALS.filter((rival) => this.#rivals.get(rival)?.checked);
    const results = await measure(engines.speed, this.#network, rivals, {
      goesOn: () => this.#running,
      progress: (text, share) => {
        this.#bar.value = share;
        this.#status.progress(text);
      },
      layer: (results) => this.#show(results, ''),
    });
    if (!results) return this.#status.say('Stopped.');
    this.#status.say(`Done: ${results.layers.length} layers of ${results.network}.`);
    this.#show(results, 'Measured here');
  }

  async #open(text: string): Promise<void> {
    try {
      const results = await unpack(text);
      this.#show(results, 'From a link, not measured here');
      this.#status.say('These results came with the link; nothing has been measured here.');
    } catch (error) {
      this.#status.say(`The link has no results that can be read: ${(error as Error).message}.`);
    }
  }

  #show(results: Results, origin: string): void {
    const rivals = RIVALS.filter((rival) => results.layers.every(({ seconds }) => rival in seconds));
    replace(
      this.#results,
      h('p', { class: 'headline' }, `${results.network} on ${results.device}`),
      h('p', { class: 'soft' }, [origin, results.date, results.isa, 'NHWC, batch 1, one thread', `median of ${results.rounds} rounds`, results.layers.some(({ tiles }) => tiles) && 'tiles tuned for each layer'].filter(Boolean).join(' · ')),
      this.#summary(results),
      rivals.length > 0 && comparison(results, rivals),
      roofline(results),
      bars(results, rivals),
      folded('All numbers', numbers(results, rivals)),
      origin !== '' && sharing(results),
    );
  }

  #summary(results: Results): HTMLElement {
    const { layers } = results;
    const total = (pass: string) => layers.reduce((sum, { seconds }) => sum + (seconds[pass] ?? Number.NaN), 0);
    const shares = layers.map((layer) => layer.flops / (layer.seconds['forward'] ?? Number.NaN) / limit(results, layer));
    const all = PASSES.map((pass, i) => {
      const one = stat(i === 0 ? 'forward, all layers' : `${pass}, all layers`);
      const ratio = geometricMean(layers.map(({ seconds }) => (seconds[pass] ?? 0) / (seconds['forward'] ?? 1)));
      one.set(i === 0 ? milliseconds(total(pass)) : `${milliseconds(total(pass))} · ${ratio.toFixed(2)} ×`);
      return one;
    });
    const share = stat('forward, of what the device allows');
    share.set(percent(geometricMean(shares)));
    return stats(...all, share);
  }
}

/** Who is how many times as fast as whom, wins and losses alike. */
function comparison({ layers }: Results, rivals: readonly RivalName[]): HTMLElement {
  const ratios = (rival: string, ours: string) =>
    layers.map(({ seconds }) => (seconds[rival] ?? Number.NaN) / (seconds[ours] ?? Number.NaN));
  const line = (rival: RivalName) => {
    const [inPlace, copied] = [ratios(rival, 'forward'), ratios(rival, 'copied')];
    const wins = inPlace.filter((ratio) => ratio > 1).length;
    return h(
      'li',
      {},
      h('strong', {}, `${geometricMean(inPlace).toFixed(2)} × ${NAMES[rival]}`),
      ` forward, ahead on ${wins} of ${layers.length} layers (${significant(Math.min(...inPlace))} to ` +
        `${significant(Math.max(...inPlace))}); with our tensors copied in and out ${geometricMean(copied).toFixed(2)} ×.`,
    );
  };
  return h(
    'div',
    { class: 'comparison' },
    h('ul', {}, ...rivals.map(line)),
    h(
      'p',
      { class: 'soft' },
      'Whole calls, in turns in one worker. TensorFlow.js keeps its tensors in its own memory, as ours do; ONNX ' +
        'Runtime copies in and out at each call and computes channels first. Neither has gradients in WebAssembly.',
    ),
  );
}

/** A bar for each layer and subject: its rate, on one scale. */
function bars({ layers }: Results, rivals: readonly RivalName[]): HTMLElement {
  const subjects: { name: string; key: string; style: string }[] = [
    ...PASSES.map((pass, i) => ({ name: pass as string, key: pass as string, style: STYLES[i] ?? '' })),
    ...rivals.map((rival) => ({ name: `${NAMES[rival]}, forward`, key: rival as string, style: rival as string })),
  ];
  const rate = ({ flops, seconds }: LayerResult, key: string) => flops / (seconds[key] ?? Number.NaN);
  const most = Math.max(...layers.flatMap((layer) => subjects.map(({ key }) => rate(layer, key))));
  const bar = (layer: LayerResult, { key, style }: (typeof subjects)[number]) => {
    const fill = h('span', { class: `fill ${style}` });
    fill.style.width = `${((100 * rate(layer, key)) / most).toFixed(1)}%`;
    return h('div', { class: 'bar' }, fill, h('span', { class: 'value' }, milliseconds(layer.seconds[key] ?? Number.NaN)));
  };
  return h(
    'figure',
    { class: 'layers' },
    h('figcaption', {}, 'Speed of each layer: longer is faster'),
    h('ul', { class: 'legend' }, ...subjects.map(({ name, style }) => h('li', { class: style }, name))),
    h(
      'div',
      { 'aria-hidden': 'true' },
      ...layers.map((layer) =>
        h('div', { class: 'layer' }, h('div', { class: 'name' }, layer.name), ...subjects.map((subject) => bar(layer, subject))),
      ),
    ),
  );
}

function numbers(results: Results, rivals: readonly RivalName[]): HTMLElement {
  const time = (name: string, key: string): Column<LayerResult> => ({
    name: `${name}, ms`,
    number: true,
    cell: ({ seconds }) => significant(1000 * (seconds[key] ?? Number.NaN)),
  });
  return table(
    'Median time of a call',
    [
      { name: 'Layer: channels @ input, kernel, stride', cell: ({ name }) => name },
      ...PASSES.map((pass) => time(pass, pass)),
      { name: 'forward', number: true, cell: (layer) => gigaflops(layer.flops / (layer.seconds['forward'] ?? Number.NaN)) },
      {
        name: 'of what is possible',
        number: true,
        cell: (layer) => percent(layer.flops / (layer.seconds['forward'] ?? Number.NaN) / limit(results, layer)),
      },
      ...(rivals.length > 0 ? [time('forward, copied', 'copied')] : []),
      ...rivals.map((rival) => time(NAMES[rival], rival)),
      { name: 'worst error, of its bound', number: true, cell: ({ worst }) => percent(worst, 1) },
    ],
    results.layers,
  );
}

function sharing(results: Results): HTMLElement {
  let address = '';
  void pack(results).then((text) => (address = link('speed', { r: text })));
  const json = pretty(results);
  return h(
    'div',
    {},
    h(
      'div',
      { class: 'actions' },
      copyButton('Copy the results as JSON', () => json),
      copyButton('Copy a link to the results', () => address),
    ),
    folded('The results as JSON', h('pre', { class: 'block', tabindex: 0 }, json)),
  );
}
