// Results as tables.

import { bestRival, leads, ours, overForward, result, rivals, rooflineShare, timer, times } from './summary.mjs';

/** The results as Markdown. */
export function markdown(results) {
  const { environment, roofline } = results;
  const versions = Object.entries(environment.versions).map(([name, version]) => `${name} ${version}`);
  const peaks = Object.entries(roofline.peak).map(([name, rate]) => `${rate.toFixed(1)} GFLOP/s ${name}`);
  const reads = roofline.bandwidth.filter((_, i) => i % 3 === 0);
  const rates = reads.map(({ bytes, rate }) => `${size(bytes)} ${rate.toFixed(1)}`);
  return [
    `# ${environment.engine}`,
    `${environment.cpu}, one thread, ${environment.statistic} ${environment.clock}, ${environment.date}. ${versions.join(', ')}.`,
    `Limits in the same run: ${peaks.join(', ')}; reading GB/s: ${rates.join(', ')}.`,
    forward(results),
    means(results),
    gradients(results),
  ].join('\n\n');
}

const size = (bytes) => (bytes >= 2 ** 20 ? `${bytes / 2 ** 20} MiB` : `${bytes / 2 ** 10} KiB`);

function forward(results) {
  const [subjects, others, time] = [ours(results), rivals(results), timer(results)];
  const fastest = (layer) => Math.min(...subjects.map((name) => time(result(layer, name, 'forward'))));
  const micro = (one) => (one ? (time(one) * 1e3).toFixed(1) : '');
  const rows = results.layers.map((layer) => {
    const best = bestRival(results, layer);
    const each = [...subjects, ...others].map((name) => micro(result(layer, name, 'forward')));
    const share = Math.max(...subjects.map((name) => rooflineShare(results, layer, result(layer, name, 'forward'))));
    const lead = best ? (time(best) / fastest(layer)).toFixed(2) : '';
    return [layer.shape, ...each, best?.subject ?? '', lead, `${(100 * share).toFixed(0)} %`];
  });
  const heading = ['forward, µs', ...subjects, ...others, 'best rival', 'times', 'of the limit'];
  return table(heading, rows);
}

function means(results) {
  const rows = ours(results).flatMap((subject) =>
    leads(results, subject).map(({ kernel, mean, least, layers }) => [subject, kernel, layers, mean.toFixed(2), least.toFixed(2)]),
  );
  const relaxed = ours(results).filter((name) => name.includes('relaxed'));
  const faster = relaxed.map((name) => [name, times(results, name, name.replace('-relaxed', '')).toFixed(2)]);
  return [
    table(['forward: times the best rival takes', 'kernel', 'layers', 'geometric mean', 'least'], rows),
    table(['relaxed SIMD', 'times as fast as simd128'], faster),
  ].join('\n\n');
}

function gradients(results) {
  const rows = ours(results).flatMap((subject) =>
    overForward(results, subject).map(({ pass, mean, most }) => [subject, pass, mean.toFixed(2), most.toFixed(2)]),
  );
  return table(['time over forward', 'pass', 'geometric mean', 'most'], rows);
}

function table(heading, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line)].join('\n');
}
