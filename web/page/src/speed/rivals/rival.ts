/** Another library that computes depthwise layers. */

import type { Sizes } from '../../engine/protocol';

export interface Rival {
  /** A layer with its tensors: input `[h][w][c]`, weights `[kh][kw][c]`. */
  layer(
    sizes: Sizes,
    output: [number, number],
    input: Float32Array,
    weights: Float32Array,
  ): Promise<RivalLayer>;
}

export interface RivalLayer {
  /** The forward pass, so many times. */
  run(calls: number): void | Promise<void>;
  /** The output, `[oh][ow][c]`. */
  result(): Float32Array | Promise<Float32Array>;
  dispose(): void;
}
