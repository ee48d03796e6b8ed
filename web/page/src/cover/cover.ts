/** How it covers your input: the plan of a convolution, tile by tile. */

import { engines } from '../engine/client';
import type { Choice, PassName, Picture } from '../engine/protocol';
import { button, select, Status } from '../ui/controls';
import { h, id, replace } from '../ui/dom';
import { integer, significant } from '../ui/format';
import { part, segments } from '../ui/part';
import { folded, table } from '../ui/table';
import { owners, sourceMap, tileMap, uses } from './maps';

const range = (from: number, to: number): (readonly [string, string])[] =>
  Array.from({ length: to - from + 1 }, (_, i) => [String(from + i), String(from + i)] as const);

/** What the two maps of a pass are. */
const MAPS: Record<PassName, { grid: string; source: string }> = {
  forward: { grid: 'What it writes: the output', source: 'What it reads: the input' },
  grad_input: { grid: 'What it writes: the input gradient', source: 'What it reads: the output gradient' },
  grad_weight: { grid: 'What it sums: positions of the output gradient', source: 'What it reads: the input' },
};

export class Cover {
  readonly element: HTMLElement;
  #choice: Choice = {
    input: [14, 14],
    kernel: [3, 3],
    stride: 1,
    dilation: 1,
    padding: 1,
    nhwc: true,
    pass: 'forward',
    machine: '',
  };
  #picture: Picture | undefined;
  #owners: number[][] = [];
  #tile = 0;
  readonly #maps = h('div', { class: 'maps' });
  readonly #facts = h('div', { class: 'facts' });
  readonly #status = new Status();
  readonly #position = h('input', {
    id: id('tile'),
    type: 'range',
    min: 1,
    step: 1,
    value: 1,
    input: () => this.#pick(Number(this.#position.value) - 1),
  });
  readonly #machines = segments(
    'Processor',
    [
      ['x86-64', '16 registers'],
      ['arm64', '32 (ARM)'],
    ],
    'x86-64',
    (machine) => this.#change({ machine }),
  );
  readonly #walk = h('div', { class: 'walk', hidden: true });

  constructor() {
    const number = (label: string, key: 'stride' | 'dilation' | 'padding', from: number, to: number) =>
      select(label, range(from, to), String(this.#choice[key]), (value) => this.#change({ [key]: Number(value) }));
    replace(
      this.#walk,
      button('‹', () => this.#pick(this.#tile - 1), { 'aria-label': 'Previous tile' }),
      h('div', { class: 'field' }, h('label', { for: this.#position.id }, 'Tile'), this.#position),
      button('›', () => this.#pick(this.#tile + 1), { 'aria-label': 'Next tile' }),
    );
    this.element = part(
      'cover',
      'How it covers your input',
      'No padding is ever copied and no scratch memory used: the output is cut into tiles that fit the registers, ' +
        'and at borders a tile just leaves out the taps that would fall outside. Choose a convolution, then tap a tile.',
      h(
        'div',
        { class: 'card' },
        h(
          'div',
          { class: 'fields' },
          select('Input', [7, 10, 14, 18].map((n) => [String(n), `${n} × ${n}`] as const), '14', (value) =>
            this.#change({ input: [Number(value), Number(value)] }),
          ),
          select('Kernel', [1, 2, 3, 4, 5, 7].map((n) => [String(n), `${n} × ${n}`] as const), '3', (value) =>
            this.#change({ kernel: [Number(value), Number(value)] }),
          ),
          number('Stride', 'stride', 1, 3),
          number('Padding', 'padding', 0, 4),
          number('Dilation', 'dilation', 1, 3),
          select(
            'Pass',
            [
              ['forward', 'forward'],
              ['grad_input', 'grad_input'],
              ['grad_weight', 'grad_weight'],
            ],
            'forward',
            (value) => this.#change({ pass: value as PassName }),
          ),
          segments(
            'Layout',
            [
              ['nhwc', 'NHWC'],
              ['nchw', 'NCHW'],
            ],
            'nhwc',
            (value) => this.#change({ nhwc: value === 'nhwc' }),
          ).element,
          this.#machines.element,
        ),
        this.#status.element,
        this.#maps,
        this.#walk,
        this.#facts,
      ),
    );
    whenSeen(this.element, () => void this.#begin());
  }

  /** Begins with the tiles that are chosen for this processor. */
  async #begin(): Promise<void> {
    const { machine } = await engines.cover.ask('about');
    this.#machines.set(machine as 'x86-64' | 'arm64');
    this.#change({ machine });
  }

  #change(choice: Partial<Choice>): void {
    this.#choice = { ...this.#choice, ...choice };
    void this.#load();
  }

  async #load(): Promise<void> {
    const choice = this.#choice;
    try {
      const picture = await engines.cover.ask('cover', choice);
      if (choice !== this.#choice) return;
      this.#picture = picture;
      this.#owners = owners(picture);
      this.#walk.hidden = false;
      this.#status.say('');
      this.#pick(Math.min(this.#tile, picture.tiles.length - 1));
    } catch (error) {
      if (choice !== this.#choice) return;
      this.#picture = undefined;
      this.#walk.hidden = true;
      replace(this.#maps);
      replace(this.#facts);
      this.#status.say(`There is no such convolution: ${(error as Error).message}.`);
    }
  }

  #pick(index: number): void {
    const picture = this.#picture;
    if (!picture) return;
    this.#tile = Math.max(0, Math.min(index, picture.tiles.length - 1));
    const tile = picture.tiles[this.#tile];
    const names = MAPS[this.#choice.pass];
    const text = this.#describe(picture);
    this.#position.max = String(picture.tiles.length);
    this.#position.value = String(this.#tile + 1);
    this.#position.setAttribute('aria-valuetext', text);
    const figure = (map: SVGSVGElement, name: string) => h('figure', {}, h('figcaption', {}, name), map);
    replace(
      this.#maps,
      figure(sourceMap(picture, tile, `${names.source}, ${picture.source.join(' × ')}`), names.source),
      figure(
        tileMap(picture, this.#owners, this.#tile, `${names.grid}, ${picture.grid.join(' × ')}`, (tile) => this.#pick(tile)),
        names.grid,
      ),
    );
    this.#showFacts(picture, text);
  }

  #describe({ tiles }: Picture): string {
    const tile = tiles[this.#tile];
    if (!tile) return '';
    const span = (name: string, { first, step, count }: { first: number; step: number; count: number }) =>
      count === 1 ? `${name} ${first}` : `${name}s ${first} to ${first + (count - 1) * step}${step > 1 ? `, every ${step}` : ''}`;
    return `Tile ${this.#tile + 1} of ${tiles.length}: ${span('row', tile.rows)}, ${span('column', tile.columns)}`;
  }

  #showFacts(picture: Picture, text: string): void {
    const tile = picture.tiles[this.#tile];
    const instance = tile && picture.instances[tile.instance];
    if (!tile || !instance) return replace(this.#facts);
    const { clipped, taps } = uses(picture, tile);
    const { loads, fmas, stores } = tile.cost;
    const unit = this.#choice.nhwc ? 'for each vector of four channels' : 'for each channel';
    const fact = (name: string, value: string) => h('div', { class: 'stat' }, h('dt', {}, name), h('dd', {}, value));
    replace(
      this.#facts,
      h('p', { class: 'headline' }, text),
      h(
        'dl',
        { class: 'stats' },
        fact('loads', integer(loads)),
        fact('multiply-adds', integer(fmas)),
        fact('stores', integer(stores)),
        fact('taps clipped', clipped === 0 ? `none of ${integer(taps)}` : `${integer(clipped)} of ${integer(taps)}`),
      ),
      h(
        'p',
        { class: 'soft' },
        fmas === 0
          ? 'Nothing is multiplied here. '
          : `Vectors, ${unit}. A plain loop loads two for each multiply-add: ${integer(2 * fmas)}, ` +
              `${significant((2 * fmas) / Math.max(1, loads))} times as many. `,
        'Kernel ',
        h('code', {}, instance.name),
        ` (${instance.purpose}).`,
      ),
      folded(
        'All kernels of this plan',
        table(
          `${integer(picture.tiles.length)} tiles: ${integer(picture.total.loads)} loads, ` +
            `${integer(picture.total.fmas)} multiply-adds, ${integer(picture.total.stores)} stores`,
          [
            { name: 'Kernel', cell: (row: (typeof picture.instances)[number]) => h('code', {}, row.name) },
            { name: 'Body', cell: (row) => row.body },
            {
              name: 'Tiles',
              number: true,
              cell: (row) => picture.tiles.filter((tile) => picture.instances[tile.instance] === row).length,
            },
            { name: 'For', cell: (row) => row.purpose },
          ],
          picture.instances,
        ),
      ),
    );
  }
}

/** Calls once the element comes near the screen: pictures are made for those who look. */
function whenSeen(element: Element, call: () => void): void {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      call();
    },
    { rootMargin: '200px' },
  );
  observer.observe(element);
}
