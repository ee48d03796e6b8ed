// What results amount to: for each layer the best rival, and means over layers.

/** The libraries beside ours. */
const isRival = ({ subject }) => !subject.startsWith('depthwise');

/** Our subjects, in the order of the results. */
export const ours = ({ layers }) => [...new Set(layers.flatMap(({ results }) => results).filter((r) => !isRival(r)).map((r) => r.subject))];

/** The rivals. */
export const rivals = ({ layers }) => [...new Set(layers.flatMap(({ results }) => results).filter(isRival).map((r) => r.subject))];

/** Milliseconds of a result, by the statistic that its environment's clock allows. */
export const timer =
  ({ environment }) =>
  (one) =>
    one[environment.statistic];

/** A result of a layer. */
export const result = ({ results }, subject, pass) => results.find((one) => one.subject === subject && one.pass === pass);

/** The fastest rival of a layer's forward pass. */
export function bestRival(all, { results }) {
  const time = timer(all);
  const forward = results.filter((one) => isRival(one) && one.pass === 'forward');
  return forward.reduce((best, one) => (best && time(best) <= time(one) ? best : one), undefined);
}

/** Rows and columns of a layer's kernel. */
export const kernel = ({ shape }) => /_k(\d+x\d+)_/.exec(shape)[1].replace('x', '×');

/** The geometric mean. */
export const mean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

/** How many times as long the best rival of each layer takes as `subject`, by kernel: mean, least and number of layers. */
export function leads(all, subject) {
  const [time, byKernel] = [timer(all), new Map()];
  for (const layer of all.layers) {
    const [own, best] = [result(layer, subject, 'forward'), bestRival(all, layer)];
    if (!own || !best) continue;
    byKernel.set(kernel(layer), [...(byKernel.get(kernel(layer)) ?? []), time(best) / time(own)]);
  }
  const lead = (ratios) => ({ mean: mean(ratios), least: Math.min(...ratios), layers: ratios.length });
  return [...byKernel].map(([size, ratios]) => ({ kernel: size, ...lead(ratios) }));
}

/** The time of each gradient over that of the forward pass of its layer: mean and most. */
export function overForward(all, subject) {
  const time = timer(all);
  return ['gradInput', 'gradWeight'].map((pass) => {
    const pairs = all.layers.map((layer) => [result(layer, subject, pass), result(layer, subject, 'forward')]);
    const ratios = pairs.filter(([a, b]) => a && b).map(([a, b]) => time(a) / time(b));
    return { pass, mean: mean(ratios), most: Math.max(...ratios) };
  });
}

/** How many times as fast as `other` `subject` is, forward: geometric mean. */
export function times(all, subject, other) {
  const time = timer(all);
  const pairs = all.layers.map((layer) => [result(layer, subject, 'forward'), result(layer, other, 'forward')]);
  return mean(pairs.filter(([a, b]) => a && b).map(([a, b]) => time(b) / time(a)));
}

/** The time that the limits allow as a share of the time taken. */
export function rooflineShare(all, layer, one) {
  const limit = one.subject.includes('relaxed') ? 'relaxed_madd' : 'mul+add';
  return leastTime(all.roofline, limit, layer.neededFlops, layer.bytes) / timer(all)(one);
}

/** Milliseconds that the limits allow for `flops` operations on tensors of `bytes` in total. */
export function leastTime({ peak, bandwidth }, limit, flops, bytes) {
  const { rate } = bandwidth.find((one) => one.bytes >= bytes) ?? bandwidth.at(-1);
  return Math.max(flops / peak[limit], bytes / rate) / 1e6;
}
