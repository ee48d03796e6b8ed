// This library, called as users call it, on tensors in its memory, with tiles that are tuned for each layer.

import { channelsFirst, channelsLast } from '../tensors.mjs';

const PASSES = ['forward', 'gradInput', 'gradWeight'];

/** A subject for each layout, given a loaded module. */
export function depthwise(library) {
  return ['nhwc', 'nchw'].map((layout) => ({
    name: `depthwise ${library.isa} ${layout}`,
    prepare: (layer, operands) => prepare(library, layout, layer, operands),
  }));
}

function prepare(library, layout, layer, { x, weights, gradY }) {
  const { n, c, h, w, kh, kw, sh, sw, dil, pads } = layer;
  const [top, left, bottom, right] = pads;
  const last = layout === 'nhwc';
  const conv = library.conv2d({
    inputShape: last ? [n, h, w, c] : [n, c, h, w],
    filterShape: last ? [1, kh, kw, c] : [c, 1, kh, kw],
    inputLayout: layout,
    filterLayout: last ? 'ihwo' : 'oihw',
    strides: [sh, sw],
    dilations: [dil, dil],
    padding: [top, bottom, left, right],
  });
  const instances = conv.tune();
  const ordered = (planes) => (last ? channelsLast(planes, c) : planes);
  const [tx, tw, tgy] = [x, weights, gradY].map((planes) => library.tensor(ordered(planes)));
  const results = { forward: gradY, gradInput: x, gradWeight: weights };
  const cases = PASSES.map((pass) => {
    const result = library.tensor(results[pass].length);
    const run = {
      forward: () => conv.forward(tx, tw, result),
      gradInput: () => conv.gradInput(tgy, tw, result),
      gradWeight: () => conv.gradWeight(tx, tgy, result),
    }[pass];
    const read = () => (last ? channelsFirst(result.view(), c) : result.view().slice());
    return { pass, layer, run, instance: instances[pass], isAsync: false, result: read, dispose: () => result.dispose() };
  });
  const dispose = () => {
    for (const each of [...cases, conv, tx, tw, tgy]) each.dispose();
  };
  return { cases, dispose };
}
