import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser, expectNoOverflow, VIEWS } from './browser.mjs';

let browser;
before(async () => (browser = await Browser.start()));
after(() => browser?.end());

async function measure(page, network, rivals = []) {
  await page.getByLabel('Network').selectOption({ label: network });
  for (const rival of rivals) await page.getByLabel(rival).check();
  await page.getByRole('button', { name: 'Measure' }).click();
  await page.waitForFunction(
    () => /Done|Stopped/.test(document.querySelector('#speed .status')?.textContent ?? ''),
    null,
    { timeout: 400_000 },
  );
  const status = await page.locator('#speed .status').textContent();
  assert.match(status, /^Done/);
}

const results = async (page) => JSON.parse(await page.locator('#speed pre').textContent());

for (const view of VIEWS) {
  test(`layers are measured on a ${view.name}, without loading anyone else's code`, async () => {
    const page = await browser.open(view);
    const requests = [];
    page.on('request', (request) => requests.push(request.url()));
    await measure(page, 'ConvNeXt-T');
    const { layers, peak, bandwidth } = await results(page);
    assert.ok(peak > 1e8 && bandwidth.length >= 10);
    for (const { seconds, worst, tiles } of layers) {
      assert.deepEqual(Object.keys(tiles), ['forward', 'grad_input', 'grad_weight']);
      assert.ok(Object.values(tiles).every((machine) => /^(x86-64|arm64)/.test(machine)));
      assert.deepEqual(Object.keys(seconds).sort(), ['forward', 'grad_input', 'grad_weight']);
      assert.ok(Object.values(seconds).every((time) => time > 0 && time < 10));
      assert.ok(worst > 0 && worst < 1);
    }
    assert.deepEqual(requests.filter((url) => url.includes('/rivals/')), []);
    assert.equal(await page.locator('#speed .marker').count(), 3 * layers.length);
    await page.getByText('All numbers').click();
    assert.equal(await page.locator('#speed table tbody tr').count(), layers.length);
    await expectNoOverflow(page);
    await browser.picture(page, `speed-${view.name}`, '#speed');
    browser.expectNoProblems();
    await page.close();
  });
}

test('rivals compute the same, and every layer is compared', async (t) => {
  const page = await browser.open(VIEWS[1]);
  await measure(page, 'MobileNetV2', ['TensorFlow.js', 'ONNX Runtime']);
  const { layers } = await results(page);
  assert.equal(layers.length, 10);
  const ratios = [];
  for (const { name, least, differences } of layers) {
    assert.ok(differences.tfjs < 1e-5 && differences.ort < 1e-5, name);
    const ratio = Math.min(least.tfjs, least.ort) / least.forward;
    ratios.push(ratio);
    const gradients = [least.grad_input, least.grad_weight].map((time) => (time / least.forward).toFixed(2));
    t.diagnostic(`${name}: ${ratio.toFixed(2)} x the better rival, gradients ${gradients.join(' and ')} x forward`);
  }
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  t.diagnostic(`geometric mean ${mean.toFixed(2)} x`);
  assert.ok(mean > 1, `${mean.toFixed(2)} x the better rival`);
  assert.equal(await page.locator('#speed .comparison li').count(), 2);
  await browser.picture(page, 'speed-rivals', '#speed');
  browser.expectNoProblems();
  await page.close();
});

test('results go with a link, and are said to be from there', async () => {
  const page = await browser.open(VIEWS[0]);
  await browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await measure(page, 'ConvNeXt-T');
  const measured = await results(page);
  await page.getByRole('button', { name: 'Copy a link to the results' }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(link.length < 4000, `${link.length} characters`);
  const other = await browser.open(VIEWS[0], link.slice(link.indexOf('#')));
  await other.locator('#speed .results', { hasText: 'From a link, not measured here' }).waitFor();
  assert.deepEqual(await results(other), measured);
  await other.goto('about:blank');
  await other.goto(`${browser.origin}/#speed?r=nonsense`);
  await other.locator('#speed .status', { hasText: 'no results that can be read' }).waitFor();
  browser.expectNoProblems();
  await page.close();
  await other.close();
});

test('a measurement can be stopped', async () => {
  const page = await browser.open(VIEWS[1]);
  await page.getByRole('button', { name: 'Measure' }).click();
  await page.locator('#speed').getByRole('button', { name: 'Stop' }).click();
  await page.locator('#speed .status', { hasText: 'Stopped' }).waitFor();
  await page.getByRole('button', { name: 'Measure' }).waitFor();
  browser.expectNoProblems();
  await page.close();
});
