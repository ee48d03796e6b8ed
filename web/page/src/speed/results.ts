/** Results of a measurement: as JSON, and small enough for a link. */

export interface LayerResult {
  readonly name: string;
  /** Floating-point operations of a pass, and bytes of its tensors. */
  readonly flops: number;
  readonly bytes: number;
  /** Largest error as a share of its bound, of any pass. */
  readonly worst: number;
  /** The machine whose tiles were fastest, by pass; older measurements don't tell. */
  readonly tiles?: Readonly<Record<string, string>>;
  /** Median seconds of a call, by subject. */
  readonly seconds: Readonly<Record<string, number>>;
  /** The fastest round, by subject: on a busy device it says more. */
  readonly least: Readonly<Record<string, number>>;
  /** Largest difference of a rival's output to ours, as a share of the largest output. */
  readonly differences: Readonly<Record<string, number>>;
}

export interface Results {
  readonly format: 'depthwise-speed';
  readonly version: 1;
  readonly depthwise: string;
  readonly date: string;
  readonly device: string;
  readonly isa: string;
  readonly network: string;
  readonly rounds: number;
  readonly layout: 'nhwc';
  /** Floating-point operations a second, at most. */
  readonly peak: number;
  /** Bytes a second of reading memory of some size. */
  readonly bandwidth: readonly (readonly [bytes: number, rate: number])[];
  readonly layers: readonly LayerResult[];
}

/** Rounded to digits that mean something. */
const rounded = (results: Results): string =>
  JSON.stringify(results, (_key, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value,
  );

export const pretty = (results: Results): string => JSON.stringify(JSON.parse(rounded(results)), null, 2);

async function piped(bytes: Uint8Array<ArrayBuffer>, through: ReadableWritablePair<Uint8Array, BufferSource>) {
  const stream = new Blob([bytes]).stream().pipeThrough(through as ReadableWritablePair<Uint8Array, Uint8Array>);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** For the fragment of a link: deflated, in base 64 of URLs. */
export async function pack(results: Results): Promise<string> {
  const bytes = await piped(new TextEncoder().encode(rounded(results)), new CompressionStream('deflate-raw'));
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** Most characters of a packed measurement, and of the text that it stands for. */
const [MOST_PACKED, MOST_TEXT] = [20_000, 200_000];

/** Throws where the text is no measurement. */
export async function unpack(text: string): Promise<Results> {
  if (text.length > MOST_PACKED) throw new Error('it is too long');
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
  const json = new TextDecoder().decode(await piped(bytes, new DecompressionStream('deflate-raw')));
  if (json.length > MOST_TEXT) throw new Error('it is too long');
  const results = JSON.parse(json) as Results;
  if (results.format !== 'depthwise-speed' || results.version !== 1 || !isMeasurement(results)) {
    throw new Error('it is of another kind');
  }
  return results;
}

function isMeasurement({ peak, bandwidth, layers, device, network, isa, date }: Results): boolean {
  const numbers = (values: unknown) =>
    typeof values === 'object' && values !== null && Object.values(values).every((value) => Number.isFinite(value));
  return (
    Number.isFinite(peak) &&
    [device, network, isa, date].every((text) => typeof text === 'string') &&
    Array.isArray(bandwidth) &&
    bandwidth.every((pair) => numbers(pair)) &&
    Array.isArray(layers) &&
    layers.every(
      ({ name, flops, bytes, worst, tiles, seconds, least, differences }) =>
        typeof name === 'string' &&
        Object.values(tiles ?? {}).every((machine) => typeof machine === 'string') &&
        numbers({ flops, bytes, worst }) &&
        [seconds, least, differences].every(numbers),
    )
  );
}
