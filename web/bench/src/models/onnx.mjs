// ONNX models of depthwise layers.

import protobuf from 'protobufjs/light.js';

const { Field, Root, Type } = protobuf;

/** Element types and attribute types, as ONNX numbers them. */
const [FLOAT, INT64] = [1, 7];
const [INT, INTS] = [2, 7];

/** The part of onnx.proto that these models have: the fields with their numbers. */
const MESSAGES = {
  Attribute: { name: [1, 'string'], i: [3, 'int64'], ints: [8, 'int64', 'repeated'], type: [20, 'int32'] },
  Node: {
    input: [1, 'string', 'repeated'],
    output: [2, 'string', 'repeated'],
    opType: [4, 'string'],
    attribute: [5, 'Attribute', 'repeated'],
  },
  Dimension: { dimValue: [1, 'int64'] },
  Shape: { dim: [1, 'Dimension', 'repeated'] },
  TensorType: { elemType: [1, 'int32'], shape: [2, 'Shape'] },
  ValueType: { tensorType: [1, 'TensorType'] },
  Value: { name: [1, 'string'], type: [2, 'ValueType'] },
  Tensor: { dims: [1, 'int64', 'repeated'], dataType: [2, 'int32'], name: [8, 'string'], rawData: [9, 'bytes'] },
  Graph: {
    node: [1, 'Node', 'repeated'],
    name: [2, 'string'],
    initializer: [5, 'Tensor', 'repeated'],
    input: [11, 'Value', 'repeated'],
    output: [12, 'Value', 'repeated'],
  },
  Opset: { domain: [1, 'string'], version: [2, 'int64'] },
  Model: { irVersion: [1, 'int64'], graph: [7, 'Graph'], opsetImport: [8, 'Opset', 'repeated'] },
};

const root = new Root();
for (const [name, fields] of Object.entries(MESSAGES)) {
  const type = new Type(name);
  for (const [field, [number, kind, rule]] of Object.entries(fields)) type.add(new Field(field, number, kind, rule));
  root.add(type);
}

/**
 * A model of a convolution of one input for each of `filters`, [c][kh][kw]. With several, each is followed by a `Slice` that leaves one
 * position, and these are put together: so a model of five costs four more convolutions than a model of one, and
 * hardly more else.
 */
export function onnx(layer, filters) {
  const { n, c, h, w, kh, kw, oh, ow } = layer;
  const branches = filters.length;
  const several = branches > 1;
  const node = [];
  const initializer = filters.map((weights, branch) => tensor(`weights${branch}`, [c, 1, kh, kw], weights));
  if (several) initializer.push(...[['from', 0], ['to', 1]].map(([name, at]) => integers(name, [at, at])), integers('axes', [2, 3]));
  for (let branch = 0; branch < branches; branch++) {
    const output = several ? `all${branch}` : 'y';
    node.push(convolution(layer, `weights${branch}`, output));
    if (several) node.push({ opType: 'Slice', input: [output, 'from', 'to', 'axes'], output: [`one${branch}`] });
  }
  if (several) {
    const input = Array.from({ length: branches }, (_, branch) => `one${branch}`);
    node.push({ opType: 'Concat', input, output: ['y'], attribute: [{ name: 'axis', i: 1, type: INT }] });
  }
  const output = several ? [n, branches * c, 1, 1] : [n, c, oh, ow];
  const graph = { name: 'layer', node, initializer, input: [value('x', [n, c, h, w])], output: [value('y', output)] };
  const Model = root.lookupType('Model');
  return Model.encode(Model.fromObject({ irVersion: 8, graph, opsetImport: [{ domain: '', version: 13 }] })).finish();
}

function convolution({ c, kh, kw, sh, sw, dil, pads }, weights, output) {
  const ints = (name, values) => ({ name, ints: values, type: INTS });
  return {
    opType: 'Conv',
    input: ['x', weights],
    output: [output],
    attribute: [
      { name: 'group', i: c, type: INT },
      ints('kernel_shape', [kh, kw]),
      ints('strides', [sh, sw]),
      ints('dilations', [dil, dil]),
      ints('pads', pads),
    ],
  };
}

const bytes = (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const tensor = (name, dims, data) => ({ name, dims, dataType: FLOAT, rawData: bytes(data) });
const integers = (name, values) => ({
  name,
  dims: [values.length],
  dataType: INT64,
  rawData: bytes(BigInt64Array.from(values, BigInt)),
});
const value = (name, sizes) => ({
  name,
  type: { tensorType: { elemType: FLOAT, shape: { dim: sizes.map((dimValue) => ({ dimValue })) } } },
});
