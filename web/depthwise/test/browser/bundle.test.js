import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { build } from 'esbuild';

import { inPage } from './browsers.js';
import { serve } from './server.js';

// What a program would say whose bundler knows files, but not `new URL(…, import.meta.url)`.
const PROGRAM = `
  import { load } from 'depthwise';
  import simd128 from 'depthwise/simd128.wasm';
  import relaxed from 'depthwise/relaxed-simd.wasm';
  const files = { 'simd128': simd128, 'relaxed-simd': relaxed };
  const depthwise = await load({ source: (file) => files[file] });
  const conv = depthwise.conv2d({ inputShape: [1, 1, 3, 3], filterShape: [1, 1, 3, 3], padding: 'same-upper' });
  const y = new Float32Array(9);
  conv.forward(new Float32Array(9).fill(1), new Float32Array(9).fill(1), y);
  globalThis.result = [...y];
`;

test('bundled, with its wasm files beside the bundle', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'depthwise-bundle-'));
  try {
    await build({
      stdin: { contents: PROGRAM, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
      bundle: true, minify: true, format: 'esm', outdir: folder, entryNames: 'program', loader: { '.wasm': 'file' },
    });
    const files = await readdir(folder);
    assert.equal(files.filter((file) => file.endsWith('.wasm')).length, 2, String(files));
    const { origin, close } = await serve(folder);
    try {
      const result = await inPage('chromium', origin, (page) =>
        page.evaluate(async () => {
          await import('/program.js');
          return globalThis.result;
        }),
      );
      assert.deepEqual(result, [4, 6, 4, 6, 9, 6, 4, 6, 4]);
    } finally {
      close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
