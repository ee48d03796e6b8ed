import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Browser, VIEWS } from './browser.mjs';

let browser;
after(() => browser?.context.close());

test('a page that was opened once is there without a network, training included', async () => {
  browser = await Browser.start();
  const page = await browser.open(VIEWS[0]);
  await page.locator('#offline', { hasText: 'Works without a network' }).waitFor();
  browser.expectNoProblems();
  await browser.stopServing();
  await page.reload();
  await page.getByRole('button', { name: 'Train with sample drawings' }).click();
  await page.waitForSelector('#teach .answers', { timeout: 240_000 });
  await page.locator('#cover').scrollIntoViewIfNeeded();
  await page.waitForSelector('#cover .map');
  assert.match(await page.locator('#teach .side .status').textContent(), /^Learnt/);
  await browser.picture(page, 'offline-phone');
  browser.expectNoProblems();
});
