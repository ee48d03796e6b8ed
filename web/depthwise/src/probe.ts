// What the engine can do, asked with the smallest modules that show it. Each exports one function, `f`.

/** A module without imports and with one function, `f`, of the given types. */
function module(type: readonly number[], body: readonly number[]): Uint8Array<ArrayBuffer> {
  const section = (id: number, ...content: number[]) => [id, content.length, ...content];
  const code = [0, ...body, 0x0b];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, 1, 0x60, ...type),
    ...section(3, 1, 0),
    ...section(7, 1, 1, 0x66, 0, 0),
    ...section(10, 1, code.length, ...code),
  ]);
}

const F32 = 0x7d;
const SPLAT_0 = [0x20, 0, 0xfd, 0x13];
const SPLAT_1 = [0x20, 1, 0xfd, 0x13];
const FIRST_LANE = [0xfd, 0x1f, 0];
const RELAXED_MADD = [0xfd, 0x85, 0x02];

/** `f(a) = f32x4.extract_lane 0 (f32x4.splat a)` */
const SIMD128 = module([1, F32, 1, F32], [...SPLAT_0, ...FIRST_LANE]);

/** `f(a, b) = f32x4.extract_lane 0 (f32x4.relaxed_madd (splat a) (splat a) (splat b))` */
const RELAXED = module(
  [2, F32, F32, 1, F32],
  [...SPLAT_0, ...SPLAT_0, ...SPLAT_1, ...RELAXED_MADD, ...FIRST_LANE],
);

/** Whether the engine has 128-bit SIMD. */
export function hasSimd128(): boolean {
  return WebAssembly.validate(SIMD128);
}

/** Whether it has relaxed SIMD, and its multiply-add rounds once: the standard leaves it the choice. */
export function hasFusedMultiplyAdd(): boolean {
  if (!WebAssembly.validate(RELAXED)) return false;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(RELAXED));
  const f = exports['f'] as (a: number, b: number) => number;
  // (1 + ε)² = 1 + 2ε + ε², of which a rounded product loses the last term.
  const epsilon = 2 ** -23;
  return f(1 + epsilon, -(1 + 2 * epsilon)) === epsilon * epsilon;
}
