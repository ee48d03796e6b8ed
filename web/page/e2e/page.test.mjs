/** The page as such: accessible, installable, there without a network, and not growing. */

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { Browser, expectNoOverflow, VIEWS } from './browser.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

let browser;
before(async () => (browser = await Browser.start({ bypassCSP: true })));
after(() => browser?.end());

/** Everything shown that a visitor can come to see. */
async function showEverything(page) {
  await page.getByRole('button', { name: 'Train with sample drawings' }).click();
  await page.waitForSelector('#teach .answers', { timeout: 240_000 });
  await page.getByRole('button', { name: 'Draw a sample for me' }).click();
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.waitForSelector('#check .repeat code', { timeout: 240_000 });
  await page.locator('#check').getByRole('button', { name: 'Stop' }).click();
  await page.locator('#cover').scrollIntoViewIfNeeded();
  await page.waitForSelector('#cover .map');
  await page.getByLabel('Network').selectOption({ label: 'ConvNeXt-T' });
  await page.getByRole('button', { name: 'Measure' }).click();
  await page.waitForSelector('#speed pre', { state: 'attached', timeout: 240_000 });
  for (const summary of await page.locator('summary').all()) await summary.click();
}

async function violations(page) {
  await page.addScriptTag({ path: AXE });
  const results = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  assert.ok(results.passes.length > 20, 'axe looked at nothing');
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}

for (const view of VIEWS) {
  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds nothing on a ${view.name} in the ${colorScheme}`, async () => {
      const page = await browser.open(view, '', { colorScheme });
      assert.deepEqual(await violations(page), []);
      await showEverything(page);
      assert.deepEqual(await violations(page), []);
      await expectNoOverflow(page);
      await browser.picture(page, `all-${view.name}-${colorScheme}`);
      browser.expectNoProblems();
      await page.close();
    });
  }
}

test('everything that is pressed is 44 pixels high at least, on a phone', async () => {
  const page = await browser.open(VIEWS[0]);
  await page.getByRole('button', { name: 'Add samples to all' }).click();
  const small = await page.evaluate(() => {
    const targets = document.querySelectorAll('button, select, summary, nav a, input:not([type=file])');
    const size = (element) => {
      const frame = element.closest('label') ?? element;
      return frame.getBoundingClientRect();
    };
    return [...targets]
      .map((element) => ({ element: element.outerHTML.slice(0, 80), ...size(element).toJSON() }))
      .filter(({ width, height }) => width > 0 && (height < 43.5 || width < 43.5))
      .map(({ element, width, height }) => `${width} x ${height}: ${element}`);
  });
  assert.deepEqual(small, []);
  await page.close();
});

test('nothing starts by itself', async () => {
  const page = await browser.open(VIEWS[1]);
  await page.waitForTimeout(500);
  assert.equal(page.workers().length, 0);
  assert.deepEqual(await page.locator('[role=status]').allTextContents().then((all) => all.filter(Boolean)), []);
  await page.close();
});

test('the page is installable and says what it is', async () => {
  const page = await browser.open(VIEWS[0]);
  const manifest = await page.evaluate(async () => {
    const link = document.querySelector('link[rel=manifest]');
    return (await fetch(link.href)).json();
  });
  for (const name of ['name', 'short_name', 'start_url', 'display', 'background_color', 'theme_color']) {
    assert.ok(manifest[name], `no ${name}`);
  }
  for (const { src, sizes, type } of manifest.icons) {
    const size = await page.evaluate(async (src) => {
      const image = new Image();
      image.src = src;
      await image.decode();
      return `${image.naturalWidth}x${image.naturalHeight}`;
    }, src);
    assert.ok(sizes === 'any' || size === sizes, `${src} is ${size}`);
    assert.match(type, /^image\//);
  }
  const head = await page.evaluate(() => ({
    lang: document.documentElement.lang,
    title: document.title,
    description: document.querySelector('meta[name=description]').content,
    viewport: document.querySelector('meta[name=viewport]').content,
    charset: document.characterSet,
    doctype: document.doctype.name,
  }));
  assert.equal(head.lang, 'en');
  assert.ok(head.title.length > 10 && head.description.length > 50);
  assert.match(head.viewport, /width=device-width/);
  assert.doesNotMatch(head.viewport, /user-scalable=no|maximum-scale/);
  assert.deepEqual([head.charset, head.doctype], ['UTF-8', 'html']);
  browser.expectNoProblems();
  await page.close();
});

test('what a visitor downloads is small', async (t) => {
  const page = await browser.open(VIEWS[0]);
  const sizes = await page.evaluate(async () => {
    const entries = [...performance.getEntriesByType('resource').map(({ name }) => name), location.href];
    const all = await Promise.all(
      entries.map(async (name) => {
        const stream = (await fetch(name)).body.pipeThrough(new CompressionStream('gzip'));
        return (await new Response(stream).arrayBuffer()).byteLength;
      }),
    );
    return all.reduce((sum, size) => sum + size, 0);
  });
  t.diagnostic(`${sizes} bytes in gzip, before anything is started`);
  assert.ok(sizes < 60_000, `${sizes} bytes`);
  await page.close();
});

test('the heap of the page stays as it is over many runs', async (t) => {
  const page = await browser.open(VIEWS[1]);
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.waitForSelector('#check .repeat code', { timeout: 240_000 });
  const heap = async () => {
    const session = await browser.context.newCDPSession(page);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    await session.detach();
    return usedSize;
  };
  const cases = (count) =>
    page.waitForFunction(
      (count) => Number(document.querySelector('#check .stat dd')?.textContent?.replaceAll(',', '')) >= count,
      count,
      { timeout: 240_000 },
    );
  await cases(100);
  const before = await heap();
  await cases(400);
  const after = await heap();
  t.diagnostic(`heap of the page ${before} before, ${after} bytes after 300 cases`);
  assert.ok(after < before * 1.2 + 200_000, `${before} to ${after}`);
  await page.close();
});

test('the memory of the engine stays as it is over 30,000 calls', async (t) => {
  const page = await browser.open(VIEWS[1]);
  const sizes = await page.evaluate(async () => {
    const script = document.querySelector('script[type=module]').src;
    const [name] = /worker-[\w-]+\.js/.exec(await (await fetch(script)).text());
    const worker = new Worker(`./assets/${name}`, { type: 'module' });
    const ask = (method, ...args) =>
      new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => ('error' in data ? reject(new Error(data.error)) : resolve(data.result));
        worker.postMessage({ id: 0, method, args });
      });
    const sizes = {
      channels: 16, input: [14, 14], kernel: [3, 3], stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1],
    };
    const drawing = new Float32Array([0.1, 0.1, 0.9, 0.9, Number.NaN, Number.NaN]);
    const everything = async (calls) => {
      await ask('layer', sizes);
      for (const subject of ['forward', 'grad_input', 'grad_weight', 'copied']) await ask('sample', subject, calls);
      await ask('release');
      await ask('teach', 3, 1);
      for (let i = 0; i < 3; i += 1) await ask('lesson', i, drawing, false);
      for (let i = 0; i < 5; i += 1) await ask('train', 0);
      await ask('recognise', drawing);
      await ask('setWeights', await ask('weights'));
      await ask('campaign', 3, true);
      await ask('judge', 8);
    };
    const all = [];
    for (let i = 0; i < 300; i += 1) {
      await everything(25);
      all.push(await ask('memory'));
    }
    return all;
  });
  t.diagnostic(`${[...new Set(sizes)].join(', ')} bytes, the last from round ${sizes.indexOf(sizes.at(-1))} of 300`);
  // Some rounds pass until all of them find room between what others have left; from then on none takes more.
  assert.equal(new Set(sizes.slice(150)).size, 1, 'it grows');
  await page.close();
});
