/** Check it yourself: the verification campaign, in this tab. */

import { engines, Trap } from '../engine/client';
import type { Report } from '../engine/protocol';
import { button, copyButton, stat, stats, Status, stopWhenHidden } from '../ui/controls';
import { h, id, replace, say } from '../ui/dom';
import { integer, percent, significant } from '../ui/format';
import { link, parameter } from '../ui/fragment';
import { part } from '../ui/part';
import { folded, table } from '../ui/table';
import { GOLDEN } from './golden';

/** Seconds between two looks at the counters. */
const SLICE = 0.15;

const MOST_SEEDS = 1e6;

type State = 'ready' | 'running' | 'stopped';

/** A share of a whole, as a bar with a text. */
class Share {
  readonly #text = h('span', {}, '–');
  readonly #fill = h('span', { class: 'fill' });
  readonly element: HTMLElement;

  constructor(label: string, style: string) {
    this.#fill.style.width = '0';
    this.element = h(
      'div',
      { class: `share-bar ${style}` },
      h('div', { class: 'words' }, h('span', {}, label), this.#text),
      h('div', { class: 'track', 'aria-hidden': 'true' }, this.#fill),
    );
  }

  set(share: number, text: string): void {
    this.#fill.style.width = `${(100 * Math.min(1, share)).toFixed(1)}%`;
    say(this.#text, text);
  }
}

export class Check {
  readonly element: HTMLElement;
  readonly #engine = engines.check;
  #state: State = 'ready';
  #report: Report | undefined;
  #seconds = 0;
  #isa = 'simd128';
  #contract = 'mul-add';

  readonly #run = button('Verify', () => void this.#press(), { class: 'primary wide' });
  readonly #status = new Status();
  readonly #cases = stat('random cases');
  readonly #failures = stat('mismatches');
  readonly #compared = stat('results compared');
  readonly #rate = stat('cases a second');
  readonly #classes = new Share('boundary classes met', 'forward');
  readonly #pairs = new Share('pairs of classes met', 'grad-weight');
  readonly #worst = new Share('worst error, as a share of its bound', 'grad-input');
  readonly #golden = h('div', { class: 'golden' });
  readonly #repeat = h('div', { class: 'repeat' });
  readonly #findings = h('div', { class: 'findings' });
  readonly #seed = h('input', {
    id: id('seed'),
    type: 'number',
    inputmode: 'numeric',
    min: 0,
    max: 2 ** 32 - 1,
    step: 1,
    value: parameter('check', 'seed') ?? randomSeed(),
    change: () => this.#reset(),
  });

  constructor() {
    stopWhenHidden(() => this.#stop());
    this.#showGolden(undefined);
    this.element = part(
      'check',
      'Check it yourself',
      'Convolution kernels go wrong at borders: odd sizes, strides, paddings, leftovers. Press Verify, and this ' +
        'device makes up convolutions at random and compares every result with a reference in double precision.',
      h(
        'div',
        { class: 'card columns' },
        h(
          'div',
          {},
          h(
            'div',
            { class: 'actions' },
            h('div', { class: 'field' }, h('label', { for: this.#seed.id }, 'Seed'), this.#seed),
            button('New seed', () => {
              this.#seed.value = String(randomSeed());
              this.#reset();
            }),
          ),
          this.#run,
          this.#status.element,
          stats(this.#cases, this.#failures, this.#compared, this.#rate),
          this.#classes.element,
          this.#pairs.element,
          this.#worst.element,
          this.#findings,
        ),
        h('div', {}, this.#golden, this.#repeat),
      ),
    );
  }

  get #seedNumber(): number {
    const seed = Math.floor(Number(this.#seed.value));
    return Number.isFinite(seed) ? Math.min(Math.max(seed, 0), 2 ** 32 - 1) : 0;
  }

  /** The state may have changed while an answer was awaited. */
  #is(state: State): boolean {
    return this.#state === state;
  }

  #reset(): void {
    this.#state = 'ready';
    this.#report = undefined;
    this.#seconds = 0;
    say(this.#run, 'Verify');
    for (const one of [this.#cases, this.#failures, this.#compared, this.#rate]) one.set('–');
    for (const one of [this.#classes, this.#pairs, this.#worst]) one.set(0, '–');
    replace(this.#repeat);
    replace(this.#findings);
    this.#status.say('');
  }

  #stop(): void {
    if (this.#state !== 'running') return;
    this.#state = 'stopped';
    say(this.#run, 'Continue');
  }

  async #press(): Promise<void> {
    if (this.#state === 'running') return this.#stop();
    const anew = this.#state === 'ready';
    this.#state = 'running';
    say(this.#run, 'Stop');
    try {
      await this.#campaign(anew);
    } catch (error) {
      this.#broken(error as Error);
    }
  }

  async #campaign(anew: boolean): Promise<void> {
    if (anew) {
      ({ isa: this.#isa, contract: this.#contract } = await this.#engine.ask('about'));
      await this.#compareGolden();
      this.#status.say('Listing the boundary classes of every kernel…');
      await this.#engine.ask('campaign', this.#seedNumber, true);
    }
    let count = 4;
    while (this.#state === 'running') {
      const start = performance.now();
      const report = await this.#engine.ask('judge', count);
      const seconds = (performance.now() - start) / 1000;
      if (this.#is('ready')) return;
      this.#seconds += seconds;
      count = Math.max(1, Math.min(2 * count, Math.round((count * SLICE) / seconds)));
      this.#show(report);
    }
    if (this.#report) this.#status.say(this.#summary(this.#report));
  }

  /** Runs a fixed campaign, whose hashes native code has computed, too. */
  async #compareGolden(): Promise<void> {
    this.#status.say('Comparing with native results…');
    await this.#engine.ask('campaign', GOLDEN.seed, false);
    let report: Report | undefined;
    for (let done = 0; done < GOLDEN.cases; ) {
      const count = Math.min(16, GOLDEN.cases - done);
      report = await this.#engine.ask('judge', count);
      done += count;
      this.#status.progress(`Comparing with native results: ${done} of ${GOLDEN.cases} cases`);
    }
    this.#showGolden(report);
  }

  #showGolden(report: Report | undefined): void {
    const native = GOLDEN.hashes[this.#contract] ?? {};
    const rows = Object.entries(native).map(([pass, hash]) => {
      const here = report?.hashes.find(([name]) => name === pass)?.[1];
      return { pass, hash, here };
    });
    const equal = report && rows.length > 0 && rows.every(({ hash, here }) => hash === here);
    const verdict =
      report === undefined
        ? 'Not compared yet'
        : equal
          ? 'The same bits as native code'
          : 'Not the bits of native code';
    replace(
      this.#golden,
      h('h3', {}, 'Bit for bit'),
      h('p', { class: report === undefined ? 'verdict' : equal ? 'verdict good' : 'verdict bad' }, verdict),
      h(
        'p',
        { class: 'soft' },
        `All results of ${GOLDEN.cases} cases are hashed, and must hash to what native code has.`,
        report && ` Here they are computed by ${this.#isa}, contract ${this.#contract}.`,
      ),
      table(
        'Hashes of all results',
        [
          { name: 'Pass', cell: (row: (typeof rows)[number]) => row.pass },
          { name: 'Native', cell: ({ hash }) => h('code', {}, hash) },
          {
            name: 'Here',
            cell: ({ hash, here }) => (here === undefined ? '–' : here === hash ? '✓ equal' : h('code', {}, here)),
          },
        ],
        rows,
      ),
    );
  }

  #show(report: Report): void {
    this.#report = report;
    const [classes, allClasses, pairs, allPairs] = report.coverage;
    this.#cases.set(integer(report.cases));
    this.#failures.set(integer(report.failures));
    this.#compared.set(integer(report.compared));
    this.#rate.set(significant(report.cases / this.#seconds));
    this.#classes.set(classes / allClasses, `${integer(classes)} of ${integer(allClasses)}`);
    this.#pairs.set(pairs / allPairs, `${integer(pairs)} of ${integer(allPairs)}`);
    this.#worst.set(report.worst, percent(report.worst, 1));
    this.#status.progress(`${integer(report.cases)} cases, ${report.failures} mismatches`);
    this.#showRepeat(report);
    replace(
      this.#findings,
      report.findings.length > 0 && h('h3', {}, 'Found'),
      ...report.findings.map(({ reason, repeat }) => h('p', { class: 'finding' }, reason, h('code', {}, repeat))),
    );
  }

  #showRepeat({ command, last }: Report): void {
    const seed = String(this.#seedNumber);
    replace(
      this.#repeat,
      h('h3', {}, 'Repeat it anywhere'),
      h('p', { class: 'soft' }, 'A seed decides every case. The program, on any machine:'),
      h('code', { class: 'block', tabindex: 0 }, command),
      h(
        'div',
        { class: 'actions' },
        copyButton('Copy the command', () => command),
        copyButton('Copy a link to this seed', () => link('check', { seed })),
      ),
      folded('The last case', h('code', { class: 'block', tabindex: 0 }, last)),
    );
  }

  #summary({ cases, failures }: Report): string {
    return `${integer(cases)} cases, ${failures === 0 ? 'no mismatch' : `${failures} mismatches`}.`;
  }

  /** A trap ends the engine: that is a finding, too. */
  #broken(error: Error): void {
    const done = this.#report?.cases ?? 0;
    const repeat =
      error instanceof Trap
        ? error.repeat
        : `depthwise verify --seed ${this.#seedNumber} --cases ${done + 256}`;
    this.#engine.end();
    this.#state = 'ready';
    say(this.#run, 'Verify');
    replace(
      this.#findings,
      h('h3', {}, 'The engine stopped'),
      h(
        'p',
        { class: 'finding' },
        `After case ${done}: ${error.message}`,
        h('code', {}, repeat),
      ),
    );
    this.#status.say('The engine stopped.');
  }
}

const randomSeed = (): number => Math.floor(MOST_SEEDS * Math.random());
