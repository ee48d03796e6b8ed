import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser, expectNoOverflow, VIEWS } from './browser.mjs';

let browser;
before(async () => (browser = await Browser.start()));
after(() => browser?.end());

async function open(view) {
  const page = await browser.open(view);
  await page.locator('#cover').scrollIntoViewIfNeeded();
  await page.waitForSelector('#cover .map');
  return page;
}

const headline = (page) => page.locator('#cover .headline').textContent();

const fact = async (page, label) => {
  const value = page.locator('#cover .stat', { has: page.getByText(label, { exact: true }) }).locator('dd');
  return value.textContent();
};

/** The numbers of a table's caption: all tiles together. */
async function total(page) {
  await page.locator('#cover summary').click();
  const caption = await page.locator('#cover caption').textContent();
  return caption.replaceAll(',', '').match(/\d+/g).map(Number);
}

for (const view of VIEWS) {
  test(`tiles are walked and tapped on a ${view.name}`, async () => {
    const page = await open(view);
    assert.equal(await headline(page), 'Tile 1 of 28: row 0, columns 0 to 6');
    // Two rows of taps, each with three weights and eight columns of windows that miss one.
    assert.equal(await fact(page, 'loads'), String(2 * (3 + 8)));
    assert.equal(await fact(page, 'multiply-adds'), String(2 * (7 * 3 - 1)));
    assert.equal(await fact(page, 'stores'), '7');
    assert.equal(await fact(page, 'taps clipped'), '23 of 63');
    await page.getByRole('button', { name: 'Next tile' }).click();
    await page.getByRole('slider', { name: 'Tile' }).press('ArrowRight');
    assert.match(await headline(page), /^Tile 3 of 28/);
    const last = page.locator('#cover .map').nth(1).locator('.place').last();
    await last.click();
    assert.match(await headline(page), /^Tile 28 of 28: row 13, columns 7 to 13/);
    assert.deepEqual((await total(page)).slice(0, 1), [28]);
    await expectNoOverflow(page);
    await browser.picture(page, `cover-${view.name}`, '#cover');
    browser.expectNoProblems();
    await page.close();
  });
}

test('every choice has a picture, or says why not', async () => {
  const page = await open(VIEWS[1]);
  const choices = [
    ['Stride', '2'],
    ['Pass', 'grad_input'],
    ['Kernel', '5'],
    ['Padding', '2'],
    ['Pass', 'grad_weight'],
    ['Dilation', '2'],
    ['Pass', 'forward'],
    ['Input', '18'],
  ];
  const seen = new Set();
  for (const [label, value] of choices) {
    await page.locator('#cover').getByLabel(label, { exact: true }).selectOption(value);
    await page.waitForTimeout(150);
    seen.add(await page.locator('#cover .facts').textContent());
  }
  for (const layout of ['NCHW', '32 (ARM)']) {
    await page.locator('#cover').getByLabel(layout).check();
    await page.waitForTimeout(150);
    seen.add(await page.locator('#cover .facts').textContent());
  }
  assert.ok(seen.size >= choices.length, `${seen.size} different pictures`);
  await page.locator('#cover').getByLabel('Input', { exact: true }).selectOption('7');
  await page.locator('#cover').getByLabel('Dilation', { exact: true }).selectOption('3');
  await page.locator('#cover').getByLabel('Padding', { exact: true }).selectOption('0');
  await page.locator('#cover .status', { hasText: 'There is no such convolution' }).waitFor();
  browser.expectNoProblems();
  await page.close();
});
