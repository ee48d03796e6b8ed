import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { defineConfig, type Plugin } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What comes only on request, and so is not kept for use without a network. */
const RIVALS = /^rivals\//;

/** Writes the service worker, with the list of what it keeps. */
function serviceWorker(): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    writeBundle({ dir }, bundle) {
      const files = Object.keys(bundle).filter((file) => !RIVALS.test(file) && !file.endsWith('.map'));
      const kept = ['./', 'manifest.webmanifest', 'icon.svg', 'icon-192.png', ...files.filter((file) => file !== 'index.html')];
      const contents = Object.values(bundle).map((file) => (file.type === 'chunk' ? file.code : file.source));
      const hash = createHash('sha256');
      contents.forEach((content) => hash.update(content));
      const worker = readFileSync(here('src/service-worker.js'), 'utf8')
        .replace("'VERSION'", JSON.stringify(hash.digest('hex').slice(0, 16)))
        .replace("['FILES']", JSON.stringify(kept));
      writeFileSync(`${dir}/service-worker.js`, worker);
    },
  };
}

/** Files of rivals lie in a folder of their own. */
const folder = (names: readonly string[]): string =>
  names.some((name) => /tfjs|tensorflow|onnx|ort[-.]/.test(name)) ? 'rivals' : 'assets';

export default defineConfig({
  base: './',
  publicDir: here('public'),
  resolve: {
    alias: { 'depthwise-engine': here('../engine/dist') },
  },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        assetFileNames: ({ names, originalFileNames }) =>
          `${folder([...names, ...originalFileNames])}/[name]-[hash][extname]`,
      },
    },
  },
  worker: {
    format: 'es',
    rolldownOptions: {
      output: {
        entryFileNames: 'assets/[name]-[hash].js',
        chunkFileNames: ({ name, moduleIds }) => `${folder([name, ...moduleIds])}/[name]-[hash].js`,
        assetFileNames: ({ names, originalFileNames }) =>
          `${folder([...names, ...originalFileNames])}/[name]-[hash][extname]`,
      },
    },
  },
  server: { fs: { allow: [here('../..')] } },
  plugins: [serviceWorker()],
});
