/** What a training has brought so far, as curves, a bar and a table. */

import type { Progress } from '../engine/protocol';
import { lines, type Scale } from '../ui/chart';
import { h, replace } from '../ui/dom';
import { milliseconds, percent, significant } from '../ui/format';
import { folded, table } from '../ui/table';

/** Steps over which the loss is averaged: single batches are too small to show where it is going. */
const WINDOW = 12;

const PARTS = [
  { name: 'forward', style: 'forward' },
  { name: 'grad_input', style: 'grad-input' },
  { name: 'grad_weight', style: 'grad-weight' },
  { name: 'everything else', style: 'rest' },
] as const;

export class Curves {
  readonly element = h('div', { class: 'curves' });
  #losses: number[] = [];
  #tests: [step: number, accuracy: number][] = [];
  #progress: Progress | undefined;

  get accuracy(): number | undefined {
    return this.#tests.at(-1)?.[1];
  }

  get loss(): number | undefined {
    return smooth(this.#losses).at(-1)?.[1];
  }

  clear(): void {
    this.#losses = [];
    this.#tests = [];
    this.#progress = undefined;
    replace(this.element);
  }

  add(progress: Progress): void {
    this.#losses.push(...progress.losses);
    this.#tests.push(...progress.tests);
    this.#progress = progress;
    replace(this.element, this.#chart(), this.#legend(), this.#times(progress), this.#tables());
  }

  #chart(): SVGSVGElement {
    const steps = this.#progress?.steps ?? 1;
    const x: Scale = { label: 'steps', from: 0, to: steps, ticks: [0, steps / 4, steps / 2, (3 * steps) / 4, steps] };
    const most = Math.max(1, ...smooth(this.#losses).map(([, loss]) => loss));
    const text = (share: number) => percent(share);
    const y: Scale = { label: 'share', from: 0, to: 1, ticks: [0, 0.25, 0.5, 0.75, 1], text };
    const losses = smooth(this.#losses).map(([step, loss]) => [step, loss / most] as const);
    const description =
      `Curves over ${steps} steps: loss ${significant(this.loss ?? 0)} now, ` +
      `${percent(this.accuracy ?? 0)} of test drawings recognised`;
    return lines(description, x, y, [
      { name: 'loss', style: 'loss', points: losses },
      { name: 'recognised', style: 'recognised', points: [[0, 0], ...this.#tests] },
    ]);
  }

  #legend(): HTMLElement {
    return h(
      'ul',
      { class: 'legend', 'aria-hidden': 'true' },
      h('li', { class: 'recognised' }, 'test drawings recognised'),
      h('li', { class: 'loss' }, 'loss, as a share of its first'),
    );
  }

  #times({ passes, step }: Progress): HTMLElement {
    const total = passes.reduce((sum, seconds) => sum + seconds, 0) || 1;
    const parts = PARTS.map(({ name, style }, i) => ({ name, style, seconds: passes[i] ?? 0 }));
    return h(
      'div',
      { class: 'times' },
      h('h4', {}, 'Where the time of a step goes'),
      h(
        'div',
        { class: 'stack', 'aria-hidden': 'true' },
        ...parts.map(({ style, seconds }) => {
          const part = h('span', { class: style });
          part.style.flexGrow = String(seconds / total);
          return part;
        }),
      ),
      h(
        'ul',
        { class: 'legend' },
        ...parts.map(({ name, style, seconds }) =>
          h('li', { class: style }, `${name} ${milliseconds(seconds / Math.max(1, step))}, ${percent(seconds / total)}`),
        ),
      ),
    );
  }

  #tables(): HTMLElement {
    const losses = new Map(smooth(this.#losses));
    return folded(
      'The curves as a table',
      table<[number, number]>(
        'Loss and share of test drawings recognised',
        [
          { name: 'Step', number: true, cell: ([step]) => step },
          { name: 'Loss', number: true, cell: ([step]) => significant(losses.get(step) ?? Number.NaN) },
          { name: 'Recognised', number: true, cell: ([, share]) => percent(share) },
        ],
        this.#tests,
      ),
    );
  }
}

function smooth(losses: number[]): [step: number, loss: number][] {
  let mean = losses[0] ?? 0;
  return losses.map((loss, i) => {
    mean += (loss - mean) / Math.min(i + 1, WINDOW);
    return [i + 1, mean];
  });
}
