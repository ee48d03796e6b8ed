/** The page in Firefox: each part works there, too. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';

import puppeteer from 'puppeteer-core';

import { serve, VIEWS, watch } from './browser.mjs';

/** Debian's, or another one by its path. */
const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

const PATIENT = { timeout: 120_000 };

let server;
let browser;
let page;
const problems = [];

before(async () => {
  assert.ok(existsSync(FIREFOX), `there is no ${FIREFOX}: cargo xtask setup installs it`);
  server = await serve();
  browser = await puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true, protocolTimeout: 300_000 });
  page = await browser.newPage();
  watch(page, server.origin, problems);
  const { width, height } = VIEWS[0];
  await page.setViewport({ width, height });
  await page.goto(`${server.origin}/#check?seed=7`);
  await page.waitForSelector('#teach');
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const press = (part, label) => page.locator(`::-p-xpath(//*[@id="${part}"]//button[normalize-space()="${label}"])`).click();
const text = (selector) => page.$eval(selector, (element) => element.textContent);

test('a network learns from sample drawings', async () => {
  await press('teach', 'Train with sample drawings');
  await page.waitForSelector('#teach .answers', PATIENT);
  const share = await page.$$eval('#teach .stat', (stats) =>
    Number.parseFloat(stats.find((stat) => stat.textContent.includes('test drawings recognised')).querySelector('dd').textContent),
  );
  assert.ok(share > 85, `${share} % recognised`);
});

test('a campaign finds the bits of native code', async () => {
  await press('check', 'Verify');
  await page.waitForFunction(
    () => Number(document.querySelector('#check .stat dd')?.textContent?.replaceAll(',', '')) >= 60,
    PATIENT,
  );
  await press('check', 'Stop');
  await page.waitForSelector('#check .repeat code', PATIENT);
  assert.equal(await text('#check .verdict'), 'The same bits as native code');
  const stats = await page.$$eval('#check .stat', (stats) => stats.map(({ textContent }) => textContent));
  assert.ok(stats.some((stat) => /^(mismatches\s*0|0\s*mismatches)$/.test(stat.trim())), `${stats}`);
});

test('tiles are drawn', async () => {
  await page.$eval('#cover', (part) => part.scrollIntoView());
  await page.waitForSelector('#cover .map', PATIENT);
});

test('layers are measured', async () => {
  await page.select('#speed select', await page.$$eval('#speed select option', (options) =>
    options.find(({ textContent }) => textContent === 'ConvNeXt-T').value));
  await press('speed', 'Measure');
  await page.waitForFunction(
    () => /Done|Stopped/.test(document.querySelector('#speed .status')?.textContent ?? ''),
    PATIENT,
  );
  const { layers } = JSON.parse(await text('#speed pre'));
  assert.equal(layers.length, 4);
  for (const { worst } of layers) assert.ok(worst > 0 && worst < 1);
});

test('nothing went wrong', () => assert.deepEqual(problems, []));
