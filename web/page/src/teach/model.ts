/** What is saved: the names of the classes, the drawings, and what the network has learnt. */

import type { Drawing } from './drawing';

export interface Example {
  readonly drawing: Drawing;
  /** Whether it is only tested with. */
  readonly heldOut: boolean;
}

export interface Group {
  name: string;
  examples: Example[];
}

interface File {
  readonly format: 'depthwise-drawings';
  readonly version: 1;
  readonly groups: Group[];
  /** Base 64 of the weights, f32, little-endian. */
  readonly weights: string | null;
}

export function save(groups: Group[], weights: Float32Array | undefined): Blob {
  const rounded = groups.map(({ name, examples }) => ({
    name,
    examples: examples.map(({ drawing, heldOut }) => ({ drawing: drawing.map(round), heldOut })),
  }));
  const bytes = weights && new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
  const text = bytes ? btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) : null;
  const file: File = { format: 'depthwise-drawings', version: 1, groups: rounded, weights: text };
  return new Blob([JSON.stringify(file)], { type: 'application/json' });
}

const round = (stroke: [number, number][]): [number, number][] =>
  stroke.map(([x, y]) => [Math.round(1000 * x) / 1000, Math.round(1000 * y) / 1000]);

/** Throws what is wrong with a file that is none. */
export function open(text: string): { groups: Group[]; weights: Float32Array | undefined } {
  const file = JSON.parse(text) as Partial<File> | null;
  const groups = file?.groups;
  if (file?.format !== 'depthwise-drawings' || file.version !== 1 || !Array.isArray(groups)) {
    throw new Error('this is no file of drawings that this page has saved');
  }
  if (groups.length < 2 || groups.length > 6 || !groups.every(isGroup)) {
    throw new Error('this file has no drawings that can be read');
  }
  if (typeof file.weights !== 'string') return { groups, weights: undefined };
  const bytes = Uint8Array.from(atob(file.weights), (letter) => letter.charCodeAt(0));
  return { groups, weights: new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4)) };
}

function isGroup(group: unknown): group is Group {
  const { name, examples } = group as Partial<Group>;
  const isPoint = (point: unknown) =>
    Array.isArray(point) && point.length === 2 && point.every((place) => Number.isFinite(place));
  const isStroke = (stroke: unknown) => Array.isArray(stroke) && stroke.every(isPoint);
  return (
    typeof name === 'string' &&
    Array.isArray(examples) &&
    examples.every(({ drawing }) => Array.isArray(drawing) && drawing.every(isStroke))
  );
}
