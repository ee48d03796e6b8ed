/** Drawings: strokes of points in a unit square. */

import { svg } from '../ui/dom';

export type Point = [x: number, y: number];
export type Drawing = Point[][];

/** As the engine takes it: x, y, x, y, …, and no numbers after each stroke. */
export function coordinates(drawing: Drawing): Float32Array {
  return new Float32Array(drawing.flatMap((stroke) => [...stroke.flat(), Number.NaN, Number.NaN]));
}

const path = (drawing: Drawing): string =>
  drawing
    .map((stroke) => stroke.map(([x, y], i) => `${i ? 'L' : 'M'}${(100 * x).toFixed(1)} ${(100 * y).toFixed(1)}`).join(''))
    .join('');

/** Its strokes as a small picture, which says nothing on its own. */
export function thumbnail(drawing: Drawing): SVGSVGElement {
  return svg(
    'svg',
    { class: 'ink', viewBox: '-6 -6 112 112', 'aria-hidden': 'true' },
    svg('path', { d: path(drawing) }),
  );
}
