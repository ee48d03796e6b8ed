// What V8 makes of a module's kernels on x86-64: the hot loop of each, and what it spills.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const TRIPLE = 'wasm32-unknown-unknown';

/** Compiles everything at once with the optimising compiler, and prints it. */
const FLAGS = ['--no-liftoff', '--no-wasm-lazy-compilation', '--print-wasm-code'];
const COMPILE = 'new WebAssembly.Module(require("node:fs").readFileSync(process.argv[1]))';

/** Loops with fewer multiplications are no kernel's. */
const FEWEST_MULTIPLIES = 8;

/** Builds the module with all kernels as the package has it, but with the names of functions; its path. */
export function build() {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const target = path.join(root, 'target/web');
  const flags = `target.${TRIPLE}.rustflags=['-Ctarget-feature=+simd128', '--cfg=depthwise_web']`;
  const options = ['--profile', 'web', '-p', 'depthwise-web', '--lib', '--target', TRIPLE, '--target-dir', target];
  // Flags of the environment would replace the given ones.
  const { RUSTFLAGS: _, CARGO_ENCODED_RUSTFLAGS: __, ...env } = process.env;
  execFileSync('cargo', ['build', '--quiet', ...options, '--config', flags], { cwd: root, env, stdio: 'inherit' });
  return path.join(target, TRIPLE, 'web/depthwise_web.wasm');
}

/** The code of every function of a module: its name, and instructions as `{ at, opcode, operands }`. */
export function machineCode(module) {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'machine-code-'));
  try {
    const file = path.join(directory, 'listing');
    execFileSync(process.execPath, [...FLAGS, '-e', COMPILE, module], { stdio: ['ignore', openSync(file, 'w'), 'inherit'] });
    return parse(readFileSync(file, 'utf8'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Reads V8's listing. */
export function parse(listing) {
  const functions = [];
  for (const line of listing.split('\n')) {
    const name = /^name: (\S+)/.exec(line);
    if (name) functions.push({ name: name[1], instructions: [] });
    const code = /^0x[0-9a-f]+ +([0-9a-f]+) +[0-9a-f]+ +(?:REX\.W +)?(\S+) ?(.*)$/.exec(line);
    if (code) functions.at(-1)?.instructions.push({ at: parseInt(code[1], 16), opcode: code[2], operands: code[3] });
  }
  return functions;
}

/** The instance that a function is, by the table's name, if it is one. */
export const instance = ({ name }) => /5table\d+((?:forward|grad_input|grad_weight)_\w+_\d+x\d+x\d+)17h/.exec(name)?.[1];

/** The innermost loops of a function, each as its instructions. */
export function innermost({ instructions }) {
  const loops = [];
  for (const [end, { at, opcode, operands }] of instructions.entries()) {
    const target = opcode.startsWith('j') && /<\+0x([0-9a-f]+)>/.exec(operands);
    if (!target || parseInt(target[1], 16) > at) continue;
    const start = instructions.findIndex((one) => one.at === parseInt(target[1], 16));
    loops.push([start, end]);
  }
  const encloses = ([a, b], [c, d]) => a <= c && d <= b && (a !== c || b !== d);
  const inner = loops.filter((loop) => !loops.some((other) => encloses(loop, other)));
  return inner.map(([start, end]) => instructions.slice(start, end + 1));
}

/** What a loop has of each kind; `spills` are vectors stored to and loaded from the stack. */
export function count(loop) {
  const stack = /\[r[bs]p[-+\]]/;
  const matching = (opcode, operands = /./) => loop.filter((one) => opcode.test(one.opcode) && operands.test(one.operands)).length;
  const moves = loop.filter(({ opcode, operands }) => /^v?mov(u|a|d)/.test(opcode) && operands.includes('xmm') && operands.includes('['));
  const multiplies = matching(/^v?mulps$|^vfn?m(add|sub)\d+ps$/);
  return {
    instructions: loop.length,
    multiplies,
    loads: moves.filter(({ operands }) => operands.startsWith('xmm') && !stack.test(operands)).length,
    stores: moves.filter(({ operands }) => !operands.startsWith('xmm') && !stack.test(operands)).length,
    spills: moves.filter(({ operands }) => stack.test(operands)).length,
  };
}

/** The hot loop of each instance: of its innermost loops, the one with the most multiplications. */
export function hotLoops(functions) {
  const hot = new Map();
  for (const one of functions) {
    const name = instance(one);
    const counts = name ? innermost(one).map(count) : [];
    const most = counts.reduce((a, b) => (b.multiplies > (a?.multiplies ?? 0) ? b : a), undefined);
    if (most?.multiplies >= FEWEST_MULTIPLIES) hot.set(name, most);
  }
  return new Map([...hot].sort());
}
