// TFLite models of depthwise layers.

import { Builder } from 'flatbuffers';

/** Operators, types of options and elements, as TFLite numbers them. */
const OPERATOR = { concatenation: 2, depthwiseConv2d: 4, slice: 65 };
const OPTIONS = { depthwiseConv2d: 2, concatenation: 10, slice: 48 };
const [FLOAT32, INT32] = [0, 2];
const SAME = 0;
const CODES = Object.keys(OPERATOR);

/**
 * A model of a convolution of one input for each of `filters`, [kh][kw][c], padded by the rule SAME. With several, each is followed by a
 * SLICE that leaves one position, and these are put together: so a model of five costs four more convolutions
 * than a model of one, and hardly more else.
 */
export function tflite(layer, filters) {
  const { n, c, h, w, kh, kw, oh, ow } = layer;
  const branches = filters.length;
  const model = new Model();
  const x = model.tensor('x', [n, h, w, c], FLOAT32);
  const bias = model.tensor('bias', [c], FLOAT32, new Float32Array(c));
  const outputs = filters.map((weights, branch) => {
    const filter = model.tensor(`weights${branch}`, [1, kh, kw, c], FLOAT32, weights);
    const y = model.tensor(`all${branch}`, [n, oh, ow, c], FLOAT32);
    model.operator('depthwiseConv2d', [x, filter, bias], y, convolution(layer));
    return y;
  });
  if (branches === 1) return model.finish(x, outputs[0]);
  const from = model.tensor('from', [4], INT32, new Int32Array(4));
  const size = model.tensor('size', [4], INT32, new Int32Array([1, 1, 1, c]));
  const ones = outputs.map((all, branch) => {
    const one = model.tensor(`one${branch}`, [n, 1, 1, c], FLOAT32);
    model.operator('slice', [all, from, size], one, []);
    return one;
  });
  const y = model.tensor('y', [n, 1, 1, branches * c], FLOAT32);
  model.operator('concatenation', ones, y, [(builder) => builder.addFieldInt32(0, 3, 0)]);
  return model.finish(x, y);
}

/** The options of a convolution, by the numbers of their fields. */
const convolution = ({ sh, sw, dil }) => [
  (builder) => builder.addFieldInt8(0, SAME, 0),
  (builder) => builder.addFieldInt32(1, sw, 0),
  (builder) => builder.addFieldInt32(2, sh, 0),
  (builder) => builder.addFieldInt32(3, 1, 0),
  (builder) => builder.addFieldInt32(5, dil, 1),
  (builder) => builder.addFieldInt32(6, dil, 1),
];

/** A model that is being written. */
class Model {
  #builder = new Builder(1 << 16);
  #buffers = [this.#table([])];
  #tensors = [];
  #operators = [];

  /** The number of a new tensor; with `data` it's a constant. */
  tensor(name, shape, type, data) {
    const builder = this.#builder;
    if (data) {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      builder.startVector(1, bytes.length, 16);
      for (let i = bytes.length - 1; i >= 0; i--) builder.addInt8(bytes[i]);
      const vector = builder.endVector();
      this.#buffers.push(this.#table([() => builder.addFieldOffset(0, vector, 0)]));
    }
    const [sizes, label] = [this.#integers(shape), builder.createString(name)];
    const table = this.#table([
      () => builder.addFieldOffset(0, sizes, 0),
      () => builder.addFieldInt8(1, type, 0),
      () => builder.addFieldInt32(2, data ? this.#buffers.length - 1 : 0, 0),
      () => builder.addFieldOffset(3, label, 0),
    ]);
    return this.#tensors.push(table) - 1;
  }

  operator(name, inputs, output, options) {
    const builder = this.#builder;
    const [ins, outs] = [this.#integers(inputs), this.#integers([output])];
    const details = this.#table(options.map((option) => () => option(builder)));
    const table = this.#table([
      () => builder.addFieldInt32(0, CODES.indexOf(name), 0),
      () => builder.addFieldOffset(1, ins, 0),
      () => builder.addFieldOffset(2, outs, 0),
      () => builder.addFieldInt8(3, OPTIONS[name], 0),
      () => builder.addFieldOffset(4, details, 0),
    ]);
    this.#operators.push(table);
  }

  finish(input, output) {
    const builder = this.#builder;
    const offsets = (index, vector) => () => builder.addFieldOffset(index, vector, 0);
    const [tensors, operators] = [this.#tables(this.#tensors), this.#tables(this.#operators)];
    const [ins, outs] = [this.#integers([input]), this.#integers([output])];
    const graph = this.#table([offsets(0, tensors), offsets(1, ins), offsets(2, outs), offsets(3, operators)]);
    const codes = CODES.map((name) =>
      this.#table([
        () => builder.addFieldInt8(0, OPERATOR[name], 0),
        () => builder.addFieldInt32(2, 1, 1),
        () => builder.addFieldInt32(3, OPERATOR[name], 0),
      ]),
    );
    const [allCodes, graphs] = [this.#tables(codes), this.#tables([graph])];
    const buffers = this.#tables(this.#buffers);
    const model = this.#table([
      () => builder.addFieldInt32(0, 3, 0),
      offsets(1, allCodes),
      offsets(2, graphs),
      offsets(4, buffers),
    ]);
    builder.finish(model, 'TFL3');
    return builder.asUint8Array();
  }

  #table(fields) {
    this.#builder.startObject(8);
    for (const add of fields) add();
    return this.#builder.endObject();
  }

  #tables(offsets) {
    this.#builder.startVector(4, offsets.length, 4);
    for (const offset of offsets.toReversed()) this.#builder.addOffset(offset);
    return this.#builder.endVector();
  }

  #integers(values) {
    this.#builder.startVector(4, values.length, 4);
    for (const value of values.toReversed()) this.#builder.addInt32(value);
    return this.#builder.endVector();
  }
}
