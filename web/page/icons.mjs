/** Makes the icons of public/ from icon.svg, in a browser: npm run icons. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const file = (name) => fileURLToPath(new URL(`public/${name}`, import.meta.url));
const icon = readFileSync(file('icon.svg'), 'utf8');

/** Phones cut maskable icons to their own form: the ground goes to the edges. */
const maskable = icon.replace('rx="14"', '').replace('viewBox="0 0 64 64"', 'viewBox="-6 -6 76 76"')
  .replace('width="64" height="64"', 'x="-6" y="-6" width="76" height="76"');

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
for (const [name, size, svg] of [
  ['icon-192.png', 192, icon],
  ['icon-512.png', 512, icon],
  ['icon-maskable.png', 512, maskable],
]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>body { margin: 0 } svg { display: block; width: ${size}px }</style>${svg}`);
  await page.screenshot({ path: file(name), omitBackground: true });
  await page.close();
}
await browser.close();
