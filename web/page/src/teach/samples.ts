/**
 * Sample drawings, so that the page works without a pointer. Each is a template whose strokes are drawn as
 * by a hand: no two are alike.
 */

import type { Drawing, Point } from './drawing';

/** Mulberry32: a few lines, and good enough for wobbling. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Hand = () => number;

const turn = (angle: number, radius: number): Point => [
  0.5 + radius * Math.cos(angle),
  0.5 + radius * Math.sin(angle),
];

/** Points of a curve, `t` from 0 to 1. */
const curve = (points: number, at: (t: number) => Point): Point[] =>
  Array.from({ length: points + 1 }, (_, i) => at(i / points));

/** A closed figure through corners. */
const polygon = (corners: Point[]): Point[] => [...corners, ...corners.slice(0, 1)];

interface Template {
  readonly name: string;
  readonly draw: (hand: Hand) => Point[][];
}

export const TEMPLATES: readonly Template[] = [
  {
    name: 'Circle',
    draw: (hand) => {
      const [start, overshoot] = [2 * Math.PI * hand(), 0.9 + 0.2 * hand()];
      return [curve(22, (t) => turn(start + 2 * Math.PI * overshoot * t, 0.34))];
    },
  },
  {
    name: 'Triangle',
    draw: (hand) => {
      const start = -Math.PI / 2 + 0.3 * (hand() - 0.5);
      return [polygon([0, 1, 2].map((i) => turn(start + (i * 2 * Math.PI) / 3, 0.38)))];
    },
  },
  {
    name: 'Zigzag',
    draw: (hand) => {
      const peaks = 4 + Math.floor(2 * hand());
      return [
        Array.from({ length: peaks + 1 }, (_, i): Point => [0.12 + (0.76 * i) / peaks, i % 2 ? 0.3 : 0.7]),
      ];
    },
  },
  {
    name: 'Spiral',
    draw: (hand) => {
      const [start, turns] = [2 * Math.PI * hand(), 2 + 0.5 * hand()];
      return [curve(44, (t) => turn(start + 2 * Math.PI * turns * t, 0.04 + 0.34 * t))];
    },
  },
  {
    name: 'Cross',
    draw: () => [
      [[0.18, 0.18], [0.82, 0.82]],
      [[0.82, 0.18], [0.18, 0.82]],
    ],
  },
  {
    name: 'House',
    draw: (hand) => {
      const [eaves, ridge] = [0.42 + 0.06 * hand(), 0.14];
      return [
        polygon([[0.24, 0.86], [0.24, eaves], [0.76, eaves], [0.76, 0.86]]),
        [[0.16, eaves], [0.5, ridge], [0.84, eaves]],
      ];
    },
  },
];

/** A drawing of a template, by the hand that a seed has. */
export function sample(template: number, seed: number): Drawing {
  const hand = random(seed * 7919 + template * 104_729 + 1);
  const draw = TEMPLATES[template % TEMPLATES.length]?.draw ?? (() => []);
  const strokes = draw(hand);
  const [stretch, slant, angle] = [0.8 + 0.4 * hand(), 0.3 * (hand() - 0.5), 0.35 * (hand() - 0.5)];
  const [wave, phase, bend] = [4 + 5 * hand(), 6.28 * hand(), 0.012 + 0.025 * hand()];
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const moved = ([px, py]: Point): Point => {
    const [x, y] = [(px - 0.5) * stretch + slant * (py - 0.5), py - 0.5];
    const [bx, by] = [x + bend * Math.sin(wave * y + phase), y + bend * Math.cos(wave * x + phase)];
    return [0.5 + cos * bx - sin * by, 0.5 + sin * bx + cos * by];
  };
  return strokes.map((stroke) => dense(stroke).map(moved));
}

/** With points between those that are far apart, so that straight lines bend, too. */
function dense(stroke: Point[]): Point[] {
  return stroke.flatMap((to, i) => {
    const from = stroke[i - 1];
    if (!from) return [to];
    const steps = Math.max(1, Math.round(Math.hypot(to[0] - from[0], to[1] - from[1]) / 0.06));
    return Array.from({ length: steps }, (_, step): Point => {
      const t = (step + 1) / steps;
      return [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
    });
  });
}
