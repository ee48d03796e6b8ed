/**
 * An ONNX model with one depthwise convolution, written as protobuf: a few fields, whose numbers are those
 * of onnx.proto.
 */

import type { Sizes } from '../engine/protocol';

type Bytes = number[] | Uint8Array;

function varint(value: number): number[] {
  const bytes = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

const joined = (...parts: Bytes[]): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

const number = (field: number, value: number): Uint8Array => joined(varint(field * 8), varint(value));

const message = (field: number, ...parts: Bytes[]): Uint8Array => {
  const content = joined(...parts);
  return joined(varint(field * 8 + 2), varint(content.length), content);
};

const text = (field: number, value: string): Uint8Array =>
  message(field, new TextEncoder().encode(value));

const FLOAT = 1;
const INTS = 7;

const integers = (name: string, values: readonly number[]): Uint8Array =>
  message(5, text(1, name), ...values.map((value) => number(8, value)), number(20, INTS));

const integer = (name: string, value: number): Uint8Array =>
  message(5, text(1, name), number(3, value), number(20, 2));

const value = (field: number, name: string, shape: readonly number[]): Uint8Array =>
  message(
    field,
    text(1, name),
    message(2, message(1, number(1, FLOAT), message(2, ...shape.map((size) => message(1, number(1, size)))))),
  );

/** Weights are `[c][kh][kw]`. */
export function depthwiseModel(
  { channels, input, kernel, stride, dilation, padding }: Sizes,
  output: [number, number],
  weights: Float32Array,
): Uint8Array {
  const [top, bottom, left, right] = padding;
  const convolution = message(
    1,
    text(1, 'x'),
    text(1, 'w'),
    text(2, 'y'),
    text(4, 'Conv'),
    integer('group', channels),
    integers('kernel_shape', kernel),
    integers('strides', stride),
    integers('dilations', dilation),
    integers('pads', [top, left, bottom, right]),
  );
  const shape = [channels, 1, ...kernel];
  const raw = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
  const initializer = message(
    5,
    ...shape.map((size) => number(1, size)),
    number(2, FLOAT),
    text(8, 'w'),
    message(9, raw),
  );
  const graph = message(
    7,
    convolution,
    text(2, 'depthwise'),
    initializer,
    value(11, 'x', [1, channels, ...input]),
    value(12, 'y', [1, channels, ...output]),
  );
  return joined(number(1, 8), graph, message(8, text(1, ''), number(2, 17)));
}
