// The benchmark in Chromium: `node chromium.mjs [--net NET] [--layer PART] [--subject NAME] [--rounds N] [--json FILE]`.

import { createReadStream, statSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';
import { chromium } from 'playwright-core';

import { PACKAGES, options, versions } from './src/options.mjs';
import { write } from './src/results.mjs';
import { sources } from './src/roofline.mjs';
import { assemble } from './src/wat.mjs';

const TYPES = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
const PAGE = '<!doctype html><title>depthwise bench</title><script type="module" src="/page.js"></script>';
/** What our lines begin with, among those of the libraries. */
const MARK = 'depthwise-bench: ';
const ROOT = fileURLToPath(new URL('.', import.meta.url));

/** Serves the page, its script, and the files of packages. Isolated, so that the clock resolves 5 µs. */
function serve(script) {
  const isolated = {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  };
  return http.createServer(({ url }, response) => {
    const { pathname } = new URL(url, 'http://localhost');
    const file = path.join(ROOT, path.normalize(pathname));
    const type = TYPES[path.extname(file)] ?? 'application/octet-stream';
    if (pathname === '/') return response.writeHead(200, { ...isolated, 'content-type': 'text/html' }).end(PAGE);
    if (pathname === '/page.js') return response.writeHead(200, { ...isolated, 'content-type': TYPES['.js'] }).end(script);
    if (!pathname.startsWith('/node_modules/') || !statSync(file, { throwIfNoEntry: false })?.isFile()) {
      return response.writeHead(404).end();
    }
    response.writeHead(200, { ...isolated, 'content-type': type });
    return createReadStream(file).pipe(response);
  });
}

/** The page's script with all that it imports. */
async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [path.join(ROOT, 'page.mjs')],
    bundle: true,
    write: false,
    format: 'esm',
    conditions: ['onnxruntime-web-use-extern-wasm'],
    logLevel: 'error',
    external: ['fs', 'path', 'url', 'module', 'worker_threads', 'perf_hooks', 'os', 'node:*'],
  });
  return outputFiles[0].text;
}

const { layers, subject, rounds, json } = options('results/chromium.json');
const probes = Object.entries(await assemble(sources(true)));
const modules = Object.fromEntries(probes.map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]));
const server = serve(await bundle()).listen(0, '127.0.0.1');
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
try {
  const page = await browser.newPage();
  page.on('console', (message) => {
    const [, line] = message.text().split(MARK);
    if (line) console.log(line);
  });
  page.on('pageerror', (error) => console.error(error));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction('globalThis.depthwiseBench');
  const results = await page.evaluate((wanted) => globalThis.depthwiseBench(wanted), { layers, subject, rounds, modules, mark: MARK });
  const environment = {
    engine: `Chromium ${browser.version()}`,
    // Whatever else runs is in it, so the fastest of the samples counts.
    clock: 'wall time',
    statistic: 'least',
    flags: [],
    cpu: os.cpus()[0].model,
    date: new Date().toISOString().slice(0, 10),
    versions: versions(PACKAGES),
  };
  write(json, { environment, ...results });
} finally {
  await browser.close();
  server.close();
}
