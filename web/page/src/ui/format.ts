/** Numbers as people read them. */

export const integer = (value: number): string => Math.round(value).toLocaleString('en');

export const percent = (share: number, digits = 0): string => `${(100 * share).toFixed(digits)} %`;

/** Three digits that count. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value >= 100) return integer(value);
  return value.toPrecision(3).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
}

export const milliseconds = (seconds: number): string => `${significant(1000 * seconds)} ms`;

export const gigaflops = (rate: number): string => `${significant(rate / 1e9)} GFLOP/s`;

export function bytes(count: number): string {
  if (count >= 2 ** 20) return `${significant(count / 2 ** 20)} MiB`;
  return `${significant(count / 1024)} KiB`;
}

export function geometricMean(values: number[]): number {
  if (values.length === 0) return Number.NaN;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
