import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser, expectNoOverflow, VIEWS } from './browser.mjs';

let browser;
before(async () => (browser = await Browser.start()));
after(() => browser?.end());

const TRAINING = { timeout: 240_000 };

/** Trains with the sample drawings, whose seeds are fixed, as is the network's. */
async function train(page) {
  await page.getByRole('button', { name: /^Train/ }).click();
  await page.waitForSelector('#teach .answers', TRAINING);
}

const share = async (page) => {
  const stat = page.locator('#teach .stat', { hasText: 'test drawings recognised' });
  return Number.parseFloat(await stat.locator('dd').textContent());
};

for (const view of VIEWS) {
  test(`a network learns from sample drawings on a ${view.name}`, async () => {
    const page = await browser.open(view);
    await train(page);
    assert.ok((await share(page)) > 85, `${await share(page)} % recognised`);
    await page.getByRole('button', { name: 'Draw a sample for me' }).click();
    await page.waitForFunction(() => /sure/.test(document.querySelector('#teach .stage .status')?.textContent ?? ''));
    const shares = await page.locator('#teach .answers .share').allTextContents();
    const sum = shares.reduce((sum, text) => sum + Number.parseFloat(text), 0);
    assert.ok(Math.abs(sum - 100) <= 2, `${shares}`);
    await page.getByText('The curves as a table').click();
    assert.ok((await page.locator('#teach table tbody tr').count()) >= 10);
    await expectNoOverflow(page);
    await browser.picture(page, `teach-${view.name}`, '#teach');
    browser.expectNoProblems();
    await page.close();
  });
}

test('six classes are learnt, and drawings of no training are recognised', async () => {
  const page = await browser.open(VIEWS[1]);
  for (let i = 0; i < 3; i += 1) await page.getByRole('button', { name: 'Add a class' }).click();
  assert.equal(await page.getByRole('button', { name: 'Add a class' }).count(), 0);
  await train(page);
  assert.ok((await share(page)) > 85, `${await share(page)} % recognised`);
  browser.expectNoProblems();
  await page.close();
});

test('what is drawn with a pointer is taught, saved, opened and asked', async () => {
  const page = await browser.open(VIEWS[0]);
  const pad = page.locator('#teach .pad');
  const draw = async (points) => {
    await pad.scrollIntoViewIfNeeded();
    const { x, y, width, height } = await pad.boundingBox();
    const at = ([px, py]) => [x + px * width, y + py * height];
    await page.mouse.move(...at(points[0]));
    await page.mouse.down();
    for (const point of points.slice(1)) await page.mouse.move(...at(point), { steps: 6 });
    await page.mouse.up();
  };
  const line = (dy) => [[0.1, 0.5 - dy], [0.9, 0.5 + dy]];
  const corner = (dy) => [[0.2, 0.1 + dy], [0.2, 0.8], [0.9, 0.8 - dy]];
  await page.getByRole('button', { name: 'Remove Zigzag' }).click();
  for (const [index, shape] of [line, corner].entries()) {
    await page.locator('#teach .pick input').nth(index).check();
    for (const dy of [0, 0.06, -0.05]) {
      await draw(shape(dy));
      await page.getByRole('button', { name: /^Add to/ }).click();
    }
  }
  await train(page);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save drawings and network' }).click();
  const path = await (await download).path();
  await page.reload();
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open a saved file' }).click();
  await (await chooser).setFiles(path);
  await page.waitForSelector('#teach .answers');
  await draw(corner(0.03));
  const best = page.locator('#teach .answers .best .label');
  await best.waitFor();
  assert.equal(await best.textContent(), 'Triangle');
  await page.getByRole('button', { name: 'Open a saved file' }).waitFor();
  browser.expectNoProblems();
  await page.close();
});

test('a file of something else is refused', async () => {
  const page = await browser.open(VIEWS[1]);
  for (const text of ['{}', 'no JSON', '{"format":"depthwise-drawings","version":1,"groups":[{},{}]}']) {
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Open a saved file' }).click();
    await (await chooser).setFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(text) });
    await page.locator('#teach .status', { hasText: 'Could not open it' }).waitFor();
  }
  browser.expectNoProblems();
  await page.close();
});

test('training can be paused, and stops when nobody looks', async () => {
  const page = await browser.open(VIEWS[1]);
  await page.getByRole('button', { name: 'Train with sample drawings' }).click();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await page.getByRole('button', { name: 'Continue' }).waitFor();
  browser.expectNoProblems();
  await page.close();
});
