// Where results go: a file of JSON, and one with tables beside it.

import { writeFileSync } from 'node:fs';

import { markdown } from './markdown.mjs';

/** Writes results to a file whose name ends in `.json`, and as tables to one that ends in `.md`. */
export function write(json, results) {
  writeFileSync(json, `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(json.replace(/\.json$/, '.md'), `${markdown(results)}\n`);
}
