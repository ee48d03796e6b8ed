// `node spills.mjs [MODULE]`: the hot loop of each instance in V8's machine code. A module needs its names; without one, one is built.

import { build, hotLoops, machineCode } from './src/machine-code.mjs';

console.log(['instructions', 'multiplies', 'loads', 'stores', 'spills', 'instance'].join('\t'));
for (const [name, counts] of hotLoops(machineCode(process.argv[2] ?? build()))) {
  console.log([...Object.values(counts), name].join('\t'));
}
