import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { Browser, expectNoOverflow, VIEWS } from './browser.mjs';

const GOLDEN = JSON.parse(readFileSync(new URL('../../engine/golden.json', import.meta.url), 'utf8'));

let browser;
before(async () => (browser = await Browser.start()));
after(() => browser?.end());

const stat = async (page, label) => {
  const text = await page.locator('#check .stat', { hasText: label }).locator('dd').textContent();
  return Number(text.replaceAll(',', ''));
};

async function verify(page, cases) {
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.waitForFunction(
    (cases) => Number(document.querySelector('#check .stat dd')?.textContent?.replaceAll(',', '')) >= cases,
    cases,
    { timeout: 240_000 },
  );
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('button', { name: 'Continue' }).waitFor();
}

for (const view of VIEWS) {
  test(`a campaign runs on a ${view.name}`, async () => {
    const page = await browser.open(view, '#check?seed=7');
    assert.equal(await page.getByLabel('Seed').inputValue(), '7');
    await verify(page, 60);
    assert.equal(await stat(page, 'mismatches'), 0);
    assert.ok((await stat(page, 'results compared')) > 1000);
    assert.equal(await page.locator('#check .verdict').textContent(), 'The same bits as native code');
    const equal = page.locator('#check .golden td', { hasText: '✓ equal' });
    assert.equal(await equal.count(), 4);
    const command = await page.locator('#check .repeat code.block').first().textContent();
    assert.match(command, /^depthwise verify --seed 7 --cases \d+ --check exact,/);
    const classes = await page.locator('#check .share-bar').first().textContent();
    assert.match(classes, /[1-9][\d,]* of [\d,]+/);
    await expectNoOverflow(page);
    await browser.picture(page, `check-${view.name}`, '#check');
    browser.expectNoProblems();
    await page.close();
  });
}

test('a link has the seed, and another seed starts anew', async () => {
  const page = await browser.open(VIEWS[1], '#check?seed=41');
  await browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await verify(page, 4);
  await page.getByRole('button', { name: 'Copy a link to this seed' }).click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, `${browser.origin}/#check?seed=41`);
  await page.getByRole('button', { name: 'New seed' }).click();
  await page.getByRole('button', { name: 'Verify' }).waitFor();
  assert.notEqual(await page.getByLabel('Seed').inputValue(), '41');
  browser.expectNoProblems();
  await page.close();
});

test('a bit that differs from native code is seen', async () => {
  // What a service worker has kept is not to be changed on the way.
  const fresh = await Browser.start({ serviceWorkers: 'block' });
  after(() => fresh.end());
  const page = await fresh.context.newPage();
  await page.route(/assets\/index-.*\.js$/, async (route) => {
    const response = await route.fetch();
    const body = await response.text();
    const hashes = Object.values(GOLDEN.hashes).map(({ grad_input }) => grad_input);
    const wrong = hashes.reduce((text, hash) => text.replaceAll(hash, '0123456789abcdef'), body);
    assert.notEqual(wrong, body);
    await route.fulfill({ response, body: wrong });
  });
  await page.goto(fresh.origin);
  await verify(page, 1);
  assert.equal(await page.locator('#check .verdict').textContent(), 'Not the bits of native code');
  assert.equal(await page.locator('#check .golden td', { hasText: '✓ equal' }).count(), 3);
});

test('a case that the engine traps in is named', async () => {
  const fresh = await Browser.start({ serviceWorkers: 'block' });
  after(() => fresh.end());
  const page = await fresh.context.newPage();
  let poor = 0;
  await page.route(/assets\/.*\.wasm$/, async (route) => {
    const response = await route.fetch();
    poor += 1;
    await route.fulfill({ response, body: withMemoryOf(await response.body(), 8) });
  });
  await page.goto(fresh.origin);
  await page.getByRole('button', { name: 'Verify' }).click();
  const finding = page.locator('#check .finding');
  await finding.waitFor({ timeout: 60_000 });
  assert.ok(poor > 0);
  assert.match(await finding.textContent(), /^After case \d+: unreachable/);
  assert.match(await finding.locator('code').textContent(), /^depthwise verify .*--check \S+ --case [0-9a-f]+$/);
});

/** A module that can't have more than so many pages beyond those that it starts with: a device without memory to spare. */
function withMemoryOf(module, pages) {
  const number = (at) => {
    let [value, end] = [0, at];
    do value |= (module[end] & 127) << (7 * (end - at));
    while (module[end++] & 128);
    return { value, end };
  };
  const bytes = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...bytes(value >> 7)]);
  // After the magic number and the version: sections, each with its kind and its length.
  for (let at = 8, size; at < module.length; at = size.end + size.value) {
    size = number(at + 1);
    if (module[at] !== 5) continue;
    const least = number(size.end + 2).value;
    const limits = [1, 1, ...bytes(least), ...bytes(least + pages)];
    return Buffer.concat([
      module.subarray(0, at),
      Buffer.from([5, ...bytes(limits.length), ...limits]),
      module.subarray(size.end + size.value),
    ]);
  }
  throw new Error('the module has no memory of its own');
}
