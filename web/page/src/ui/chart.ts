/** Charts as SVG. Each is an image with a description; the numbers are in a table beside it. */

import { svg, type Child } from './dom';

export interface Series {
  readonly name: string;
  /** Class that gives its colour and dash. */
  readonly style: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Scale {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly text?: (tick: number) => string;
  readonly logarithmic?: boolean;
}

export const WIDTH = 560;
const HEIGHT = 314;
const MARGIN = { left: 62, right: 14, top: 44, bottom: 58 };

/** A place in the chart for each value of a scale. */
export function place(scale: Scale, low: number, high: number): (value: number) => number {
  const at = scale.logarithmic ? Math.log : (value: number) => value;
  const [from, to] = [at(scale.from), at(scale.to)];
  return (value) => low + ((at(value) - from) / (to - from || 1)) * (high - low);
}

/** Axes and grid, and whatever `draw` puts between them. */
export function chart(
  description: string,
  x: Scale,
  y: Scale,
  draw: (x: (value: number) => number, y: (value: number) => number) => Child[],
): SVGSVGElement {
  const [left, right] = [MARGIN.left, WIDTH - MARGIN.right];
  const [top, bottom] = [MARGIN.top, HEIGHT - MARGIN.bottom];
  const [atX, atY] = [place(x, left, right), place(y, bottom, top)];
  const text = (scale: Scale, tick: number) => scale.text?.(tick) ?? String(tick);
  return svg(
    'svg',
    { class: 'chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': description },
    ...y.ticks.map((tick) =>
      svg(
        'g',
        { class: 'grid' },
        svg('line', { x1: left, x2: right, y1: atY(tick), y2: atY(tick) }),
        svg('text', { x: left - 8, y: atY(tick) + 4, 'text-anchor': 'end' }, text(y, tick)),
      ),
    ),
    ...x.ticks.map((tick) =>
      svg(
        'g',
        { class: 'grid' },
        svg('line', { x1: atX(tick), x2: atX(tick), y1: bottom, y2: bottom + 5 }),
        svg('text', { x: atX(tick), y: bottom + 22, 'text-anchor': 'middle' }, text(x, tick)),
      ),
    ),
    svg('text', { class: 'axis', x: left - 56, y: 18 }, y.label),
    svg('text', { class: 'axis', x: right, y: HEIGHT - 4, 'text-anchor': 'end' }, x.label),
    ...draw(atX, atY),
  );
}

/** Lines over a common x. */
export function lines(description: string, x: Scale, y: Scale, all: readonly Series[]): SVGSVGElement {
  return chart(description, x, y, (atX, atY) =>
    all.map(({ style, points }) =>
      svg('polyline', {
        class: `line ${style}`,
        points: points.map(([x, y]) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`).join(' '),
      }),
    ),
  );
}

/** A marker whose form tells as much as its colour. */
export function marker(form: number, x: number, y: number, style: string, title: string): SVGElement {
  const name = svg('title', {}, title);
  const properties = { class: `marker ${style}` };
  if (form === 0) return svg('circle', { ...properties, cx: x, cy: y, r: 5 }, name);
  const points =
    form === 1
      ? [[0, -6.5], [6, 4.5], [-6, 4.5]]
      : [[-4.6, -4.6], [4.6, -4.6], [4.6, 4.6], [-4.6, 4.6]];
  const path = points.map(([dx, dy]) => `${x + (dx ?? 0)},${y + (dy ?? 0)}`).join(' ');
  return svg('polygon', { ...properties, points: path }, name);
}
