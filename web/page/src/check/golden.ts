/** The hashes that native code has for a fixed campaign, by arithmetic contract and pass. */

import golden from '../../../engine/golden.json';

export interface Golden {
  readonly seed: number;
  readonly cases: number;
  readonly hashes: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export const GOLDEN: Golden = golden;
