// `node spills.mjs [MODULE]`: the hot loop of each instance in V8's machine code. The module needs its names; `cargo xtask web build`
// leaves such a one in target/.

import { fileURLToPath } from 'node:url';

import { hotLoops, machineCode } from './src/machine-code.mjs';

const BUILT = new URL('../../target/web/simd128/wasm32-unknown-unknown/web/depthwise_web.wasm', import.meta.url);

console.log(['instructions', 'multiplies', 'loads', 'stores', 'spills', 'instance'].join('\t'));
for (const [name, counts] of hotLoops(machineCode(process.argv[2] ?? fileURLToPath(BUILT)))) {
  console.log([...Object.values(counts), name].join('\t'));
}
