#!/usr/bin/env -S node --no-warnings
// Runs a WASI program in Node: `wasi.mjs PROGRAM.wasm ARGS…`. Cargo's runner for wasm32-wasip1.
//
// The program sees the whole file system, and relative paths start at the current directory. WASI
// knows no current directory, and wasi-libc can't tell a preopened "." from a preopened "/", so
// only "/" is opened and the program's own `chdir` (.cargo/config.toml exports it) does the rest.

import { readFileSync } from "node:fs";
import v8 from "node:v8";
import { WASI } from "node:wasi";

// The optimising compiler compiles each function when first called: no tiers to mix up timings.
v8.setFlagsFromString("--no-liftoff");
v8.setFlagsFromString("--wasm-lazy-compilation");

const [, , program, ...args] = process.argv;
const bytes = readFileSync(program);
if (!WebAssembly.validate(bytes)) {
  // Node 20 has relaxed SIMD behind this flag; later versions have it always, and not the flag.
  v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
}

const wasi = new WASI({
  version: "preview1",
  args: [program, ...args],
  env: process.env,
  preopens: { "/": "/" },
  returnOnExit: true,
});
// Node 20's fast calls into WASI crash when memory is collected during one (nodejs/node#46777); calls
// through a function of our own are not fast in that sense.
const imports = Object.fromEntries(
  Object.entries(wasi.getImportObject()).map(([module, functions]) => [
    module,
    Object.fromEntries(
      Object.entries(functions).map(([name, call]) => [name, (...args) => call(...args)]),
    ),
  ]),
);
const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
const { memory, chdir, _start, depthwise_running } = instance.exports;

function startInCurrentDirectory() {
  const path = new TextEncoder().encode(`${process.cwd()}\0`);
  const address = memory.grow(1) * 65536;
  new Uint8Array(memory.buffer).set(path, address);
  if (chdir(address) !== 0) throw new Error(`chdir to ${process.cwd()} failed in ${program}`);
  try {
    _start();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) nameWhatRan(error);
    throw error;
  }
}

// The program can't name the case that it trapped in, but still knows it.
function nameWhatRan(trap) {
  const address = depthwise_running?.();
  if (!address) return;
  const rest = new Uint8Array(memory.buffer, address);
  const line = new TextDecoder().decode(rest.subarray(0, rest.indexOf(0)));
  process.stderr.write(`killed by a trap, ${trap.message}: ${line}\n`);
}

process.exitCode = wasi.start({ exports: { memory, _start: startInCurrentDirectory } });
