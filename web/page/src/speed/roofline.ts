/** The roofline: what the processor and its memory allow, and where the layers are. */

import { PASSES } from '../engine/protocol';
import { chart, marker, type Scale } from '../ui/chart';
import { h, svg } from '../ui/dom';
import { gigaflops, percent, significant } from '../ui/format';
import type { LayerResult, Results } from './results';

export const STYLES = ['forward', 'grad-input', 'grad-weight'] as const;

const powers = (from: number, to: number): number[] => {
  const first = Math.ceil(Math.log2(from) - 1e-9);
  const last = Math.floor(Math.log2(to) + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => 2 ** (first + i));
};

/** The rate at which memory of that size is read. */
function readRate({ bandwidth }: Results, bytes: number): number {
  return (bandwidth.find(([size]) => size >= bytes) ?? bandwidth.at(-1))?.[1] ?? Infinity;
}

/** Operations a second that nothing can exceed which reads and writes a layer's tensors once. */
export function limit(results: Results, { flops, bytes }: LayerResult): number {
  return Math.min(results.peak, (flops / bytes) * readRate(results, bytes));
}

export function roofline(results: Results): HTMLElement {
  const points = results.layers.flatMap((layer) =>
    PASSES.map((pass, form) => ({
      layer,
      pass,
      form,
      intensity: layer.flops / layer.bytes,
      rate: layer.flops / (layer.seconds[pass] ?? Number.NaN),
    })),
  );
  const [intensities, rates] = [points.map((point) => point.intensity), points.map((point) => point.rate)];
  const [low, high] = [Math.min(0.5, ...intensities) / 1.2, Math.max(8, ...intensities) * 1.3];
  const x: Scale = {
    label: 'operations for each byte',
    from: low,
    to: high,
    ticks: powers(low, high),
    logarithmic: true,
    text: significant,
  };
  const [floor, ceiling] = [Math.min(results.peak / 8, ...rates) / 1.2e9, (results.peak * 1.35) / 1e9];
  const y: Scale = {
    label: 'GFLOP/s',
    from: floor,
    to: ceiling,
    ticks: powers(floor, ceiling),
    logarithmic: true,
    text: significant,
  };
  const memories = [
    { name: 'first-level cache', rate: readRate(results, 2 ** 14) },
    { name: 'memory', rate: readRate(results, Infinity) },
  ];
  const shares = points.map(({ layer, rate }) => rate / limit(results, layer));
  const description =
    `Roofline: a peak of ${gigaflops(results.peak)}, and ${points.length} points, ` +
    `at ${percent(Math.min(...shares))} to ${percent(Math.max(...shares))} of what the device allows`;
  const roof = (rate: number) => {
    const knee = results.peak / rate;
    const from = Math.max(low, (floor * 1e9) / rate);
    const bend = Math.min(high, Math.max(low, knee));
    return [
      [from, Math.min(results.peak, from * rate) / 1e9],
      [bend, Math.min(results.peak, bend * rate) / 1e9],
      [high, Math.min(results.peak, high * rate) / 1e9],
    ] as const;
  };
  const drawing = chart(description, x, y, (atX, atY) => [
    ...memories.map(({ rate }, i) =>
      svg('polyline', {
        class: i === 0 ? 'line roof' : 'line roof memory',
        points: roof(rate).map(([x, y]) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`).join(' '),
      }),
    ),
    svg('text', { class: 'axis', x: atX(high) - 4, y: atY(results.peak / 1e9) - 7, 'text-anchor': 'end' }, `peak ${gigaflops(results.peak)}`),
    ...points.map(({ layer, pass, form, intensity, rate }) =>
      marker(form, atX(intensity), atY(rate / 1e9), STYLES[form] ?? '', `${layer.name}, ${pass}: ${gigaflops(rate)}`),
    ),
  ]);
  const legend = PASSES.map((pass, form) =>
    h('li', { class: `form-${form} ${STYLES[form]}` }, pass),
  );
  const lines = memories.map(({ name, rate }, i) =>
    h('li', { class: i === 0 ? 'roof' : 'roof memory' }, `${name} ${significant(rate / 1e9)} GB/s`),
  );
  return h('figure', {}, h('figcaption', {}, 'What the device allows, and where the layers are'), drawing, h('ul', { class: 'legend' }, ...legend, ...lines));
}
