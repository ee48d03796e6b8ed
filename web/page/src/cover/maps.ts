/** The two maps of a pass: where tiles lie, and what they read. */

import type { Picture, Places, Tile } from '../engine/protocol';
import { svg } from '../ui/dom';
import { scene } from './scene';

const CELL = 20;

const places = ({ first, step, count }: Places): number[] =>
  Array.from({ length: count }, (_, i) => first + i * step);

/** Which tile has each place of the grid. */
export function owners({ grid, tiles }: Picture): number[][] {
  const owners = Array.from({ length: grid[0] }, () => new Array<number>(grid[1]).fill(-1));
  for (const [index, tile] of tiles.entries()) {
    for (const row of places(tile.rows)) {
      for (const column of places(tile.columns)) (owners[row] ?? [])[column] = index;
    }
  }
  return owners;
}

const cell = (row: number, column: number, style: string, properties = {}): SVGElement =>
  svg('rect', { class: style, x: column * CELL, y: row * CELL, width: CELL, height: CELL, ...properties });

/** Outlines between places that belong to different tiles. */
function seams(owner: number[][]): string {
  const at = (row: number, column: number) => owner[row]?.[column];
  let path = '';
  for (const [row, line] of owner.entries()) {
    for (const column of line.keys()) {
      const [x, y] = [column * CELL, row * CELL];
      if (at(row, column) !== at(row, column + 1)) path += `M${x + CELL} ${y}v${CELL}`;
      if (at(row, column) !== at(row + 1, column)) path += `M${x} ${y + CELL}h${CELL}`;
    }
  }
  return path;
}

/** The map of tiles; a tap on one picks it. */
export function tileMap(
  picture: Picture,
  owner: number[][],
  selected: number,
  label: string,
  pick: (tile: number) => void,
): SVGSVGElement {
  const [rows, columns] = picture.grid;
  const map = svg('svg', {
    class: 'map',
    viewBox: `-1 -1 ${columns * CELL + 2} ${rows * CELL + 2}`,
    role: 'img',
    'aria-label': label,
    click: (event: MouseEvent) => {
      const { left, top, width, height } = map.getBoundingClientRect();
      const row = Math.floor(((event.clientY - top) / height) * rows);
      const column = Math.floor(((event.clientX - left) / width) * columns);
      const tile = owner[row]?.[column];
      if (tile !== undefined && tile >= 0) pick(tile);
    },
  });
  for (const [row, line] of owner.entries()) {
    for (const [column, tile] of line.entries()) {
      const style = tile < 0 ? 'unused' : `instance-${(picture.tiles[tile]?.instance ?? 0) % 4}`;
      const leaf = picture.tiles[tile]?.leaf ?? 0;
      map.append(cell(row, column, `place ${style}${leaf % 2 ? ' odd' : ''}${tile === selected ? ' selected' : ''}`));
    }
  }
  map.append(svg('path', { class: 'seams', d: seams(owner) }));
  map.append(svg('rect', { class: 'frame', width: columns * CELL, height: rows * CELL }));
  const tile = picture.tiles[selected];
  if (tile) map.append(svg('path', { class: 'chosen', d: outline(tile) }));
  return map;
}

function outline({ rows, columns }: Tile): string {
  const box = (row: number, column: number, height: number, width: number) =>
    `M${column * CELL} ${row * CELL}h${width * CELL}v${height * CELL}h${-width * CELL}z`;
  if (rows.step === 1 && columns.step === 1) {
    return box(rows.first, columns.first, rows.count, columns.count);
  }
  return places(rows).flatMap((row) => places(columns).map((column) => box(row, column, 1, 1))).join('');
}

/** How often a tile uses each place of the source, padding included, and how many taps are clipped. */
export function uses(picture: Picture, tile: Tile): { at: Map<string, number>; clipped: number; taps: number } {
  const at = new Map<string, number>();
  let [clipped, taps] = [0, 0];
  const inside = (row: number, column: number) =>
    row >= 0 && column >= 0 && row < picture.source[0] && column < picture.source[1];
  for (const row of places(tile.rows)) {
    for (const column of places(tile.columns)) {
      for (const [, y] of picture.touches[0][row] ?? []) {
        for (const [, x] of picture.touches[1][column] ?? []) {
          const key = `${y},${x}`;
          at.set(key, (at.get(key) ?? 0) + 1);
          taps += 1;
          if (!inside(y, x)) clipped += 1;
        }
      }
    }
  }
  return { at, clipped, taps };
}

/** How far windows reach outside of the source: above, below, left and right. */
function reach(picture: Picture): [number, number, number, number] {
  const ends = picture.touches.map((lines, axis) => {
    const all = lines.flat().map(([, place]) => place);
    const size = picture.source[axis] ?? 0;
    return [Math.max(0, -Math.min(0, ...all)), Math.max(0, Math.max(0, ...all) - size + 1)];
  });
  return [ends[0]?.[0] ?? 0, ends[0]?.[1] ?? 0, ends[1]?.[0] ?? 0, ends[1]?.[1] ?? 0];
}

/** The map of what a tile reads, over a picture. */
export function sourceMap(picture: Picture, tile: Tile | undefined, label: string): SVGSVGElement {
  const [top, bottom, left, right] = reach(picture);
  const [rows, columns] = picture.source;
  const box = [-left * CELL - 1, -top * CELL - 1, (columns + left + right) * CELL + 2, (rows + top + bottom) * CELL + 2];
  const map = svg('svg', { class: 'map', viewBox: box.join(' '), role: 'img', 'aria-label': label });
  map.append(
    svg(
      'defs',
      {},
      svg(
        'pattern',
        { id: 'clipped', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
        svg('line', { class: 'hatch', x1: 0, x2: 0, y1: 0, y2: 6 }),
      ),
    ),
  );
  const image = scene(rows, columns);
  const used = tile && uses(picture, tile).at;
  for (let row = -top; row < rows + bottom; row += 1) {
    for (let column = -left; column < columns + right; column += 1) {
      const value = image[row]?.[column];
      const shade = value === undefined ? {} : { 'fill-opacity': (0.12 + 0.5 * value).toFixed(2) };
      map.append(cell(row, column, value === undefined ? 'padding' : 'pixel', shade));
      const times = used?.get(`${row},${column}`);
      if (!times) continue;
      map.append(cell(row, column, value === undefined ? 'clip' : 'read'));
      if (value !== undefined && times > 1) {
        const [x, y] = [(column + 0.5) * CELL, (row + 0.5) * CELL + 4];
        map.append(svg('text', { class: 'times', x, y, 'text-anchor': 'middle' }, times));
      }
    }
  }
  map.append(svg('rect', { class: 'frame', width: columns * CELL, height: rows * CELL }));
  return map;
}
