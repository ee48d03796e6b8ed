// WebAssembly from its text.

import wabt from 'wabt';

/** The bytes of each of `sources`. */
export async function assemble(sources) {
  const { parseWat } = await wabt();
  const bytes = (name, source) => {
    const module = parseWat(name, source, { simd: true, relaxed_simd: true });
    const { buffer } = module.toBinary({});
    module.destroy();
    return buffer;
  };
  return Object.fromEntries(Object.entries(sources).map(([name, source]) => [name, bytes(name, source)]));
}
