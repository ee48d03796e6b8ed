import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { cases } from '../conformance.js';
import { BROWSERS, inPage } from './browsers.js';
import { serve } from './server.js';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

/** One case of so many: browsers take their time, and Node has checked all. */
const SHARE = 11;

for (const name of Object.keys(BROWSERS)) {
  test(`${name}: every module and machine against the definition, errors, and calls`, async () => {
    const { origin, close } = await serve(PACKAGE);
    try {
      const report = await inPage(name, origin, (page) => page.evaluate(inBrowser, SHARE));
      console.log(`${name}: ${JSON.stringify(report)}`);
      assert.equal(report.machine, { x64: 'x86-64', arm64: 'arm64' }[process.arch]);
      // Both have relaxed SIMD that fuses on processors with FMA.
      assert.equal(report.isa, 'simd128-relaxed');
      assert.equal(report.modules, 8);
      assert.equal(report.checked.cases, Math.ceil([...cases()].length / SHARE));
      assert.match(report.refused, /^DepthwiseError: output has 1 elements, expected 1024$/);
      assert.equal(report.grown, 0);
    } finally {
      close();
    }
  });
}

/** Runs in the page. */
async function inBrowser(share) {
  const { load } = await import('/dist/web.js');
  const { conformance } = await import('/test/conformance.js');
  const { isa, machine } = await load();
  const modules = [];
  for (const module of ['simd128', 'relaxed-simd'])
    for (const kernels of ['3x3', 'all'])
      for (const tiles of ['x86-64', 'arm64']) {
        modules.push(await load({ module, kernels, machine: tiles }));
      }
  const checked = conformance(modules, share);

  const depthwise = await load();
  const conv = depthwise.conv2d({
    inputShape: [1, 8, 8, 16], filterShape: [1, 3, 3, 16], inputLayout: 'nhwc', filterLayout: 'ihwo', padding: 'same-upper',
  });
  const arrays = [1024, 144, 1024].map((length) => new Float32Array(length).fill(1));
  const tensors = arrays.map((array) => depthwise.tensor(array));
  let refused = '';
  try {
    conv.forward(arrays[0], arrays[1], new Float32Array(1));
  } catch (error) {
    refused = String(error);
  }
  const microseconds = (operands) => {
    const [calls, begin] = [10_000, performance.now()];
    for (let call = 0; call < calls; call++) conv.forward(...operands);
    return ((performance.now() - begin) / calls) * 1000;
  };
  microseconds(tensors);
  const size = depthwise.memorySize;
  const [zeroCopy, copied] = [microseconds(tensors), microseconds(arrays)];
  return { isa, machine, modules: modules.length, checked, refused, zeroCopy, copied, grown: depthwise.memorySize - size };
}
