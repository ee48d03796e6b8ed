// Layers: their sizes, as the table of the program `depthwise` has them.

/** A layer so small that a call of it is all that costs. */
export const CALL = layer({ n: 1, c: 4, h: 4, w: 4, kh: 3, kw: 3, sh: 1, sw: 1, dil: 1, pads: [1, 1, 1, 1] });

/** The networks that are measured unless told, as the table calls them. */
export const NETWORKS = ['mobilenet_v1_1.0_224_tf', 'mobilenet_v2', 'efficientnet_b0', 'convnext_tiny'];

/**
 * The distinct layers of networks, in order, from the text of crates/cli/networks.csv. A layer's `names` say which networks have
 * it.
 */
export function read(text, networks) {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const heading = lines[0].split(',');
  const layers = new Map();
  for (const line of lines.slice(1)) {
    const row = Object.fromEntries(line.split(',').map((cell, i) => [heading[i], cell]));
    if (!networks.some((name) => row.net.startsWith(name))) continue;
    const number = (key) => Number(row[key]);
    const sizes = ['n', 'c', 'h', 'w', 'kh', 'kw', 'sh', 'sw', 'dil'].map((key) => [key, number(key)]);
    const pads = ['pad_top', 'pad_left', 'pad_bottom', 'pad_right'].map(number);
    const found = layer({ ...Object.fromEntries(sizes), pads });
    const known = layers.get(found.shape) ?? found;
    known.names.push({ network: row.net, layer: row.name, count: number('count') });
    layers.set(found.shape, known);
  }
  if (layers.size === 0) throw new Error(`no layers of ${networks.join(', ')}`);
  return [...layers.values()];
}

/** A layer from its sizes; `pads` are top, left, bottom, right. */
export function layer({ n, c, h, w, kh, kw, sh, sw, dil, pads }) {
  const [top, left, bottom, right] = pads;
  const out = (size, low, high, kernel, stride) =>
    Math.floor((size + low + high - (kernel - 1) * dil - 1) / stride) + 1;
  const [oh, ow] = [out(h, top, bottom, kh, sh), out(w, left, right, kw, sw)];
  const shape = `${n}x${c}x${h}x${w}_k${kh}x${kw}_s${sh}x${sw}_d${dil}x${dil}_p${pads.join(',')}`;
  return { shape, n, c, h, w, kh, kw, sh, sw, dil, pads, oh, ow, names: [] };
}

/** The layer padded by the rule SAME, which LiteRT has alone: the least at the beginning. */
export function same(original) {
  const { h, w, kh, kw, sh, sw, dil, oh, ow, pads } = original;
  const total = (size, out, kernel, stride) =>
    Math.max(0, (out - 1) * stride + (kernel - 1) * dil + 1 - size);
  const [high, wide] = [total(h, oh, kh, sh), total(w, ow, kw, sw)];
  const [top, left] = [high >> 1, wide >> 1];
  const other = layer({ ...original, pads: [top, left, high - top, wide - left] });
  if (other.oh !== oh || other.ow !== ow) throw new Error(`SAME is no padding for ${pads} of ${original.shape}`);
  return other;
}

/** Operations, two for each tap of each output. */
export const flops = ({ n, c, kh, kw, oh, ow }) => 2 * n * c * kh * kw * oh * ow;

/** Operations without those that padding saves. */
export function neededFlops(layer) {
  const { n, c, h, w, kh, kw, sh, sw, dil, pads, oh, ow } = layer;
  const taps = (size, out, kernel, stride, low) => {
    let count = 0;
    for (let o = 0; o < out; o++) {
      for (let k = 0; k < kernel; k++) {
        const i = o * stride + k * dil - low;
        if (i >= 0 && i < size) count++;
      }
    }
    return count;
  };
  return 2 * n * c * taps(h, oh, kh, sh, pads[0]) * taps(w, ow, kw, sw, pads[1]);
}

/** Bytes of the tensors: what any pass must move. */
export const bytes = ({ n, c, h, w, kh, kw, oh, ow }) => 4 * (n * c * (h * w + oh * ow) + c * kh * kw);
