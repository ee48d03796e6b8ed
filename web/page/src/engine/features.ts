/** What the browser's WebAssembly can do. */

/** The smallest module with one function of that body, which leaves a vector. */
function probe(...body: number[]): Uint8Array<ArrayBuffer> {
  const code = [0, ...body, 0x0b];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 5, 1, 0x60, 0, 1, 0x7b],
    ...[3, 2, 1, 0],
    ...[10, code.length + 2, 1, code.length, ...code],
  ]);
}

/** `i32.const 0; i8x16.splat` */
const ZERO = [0x41, 0, 0xfd, 0x0f];

export const hasSimd = (): boolean => WebAssembly.validate(probe(...ZERO));

/** `f32x4.relaxed_madd` of three vectors. */
export const hasRelaxedSimd = (): boolean =>
  WebAssembly.validate(probe(...ZERO, ...ZERO, ...ZERO, 0xfd, 0x85, 0x02));
