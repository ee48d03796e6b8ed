import { Browser, VIEWS, expectNoOverflow } from '/tmp/wt/page/web/page/e2e/browser.mjs';
const what = process.argv[2] ?? 'top';
const schemes = (process.argv[3] ?? 'light,dark').split(',');
const b = await Browser.start();
for (const view of VIEWS.filter((v)=>!process.env.VIEW||v.name===process.env.VIEW)) for (const colorScheme of schemes) {
  const page = await b.open(view, '', { colorScheme });
  const n = `${what}-${view.name}-${colorScheme}`;
  if (what === 'top') { await b.picture(page, n); }
  if (what === 'teach') {
    await page.getByRole('button', { name: 'Train with sample drawings' }).click();
    await page.waitForSelector('.answers', { timeout: 120000 });
    console.log(await page.locator('#teach .status').textContent());
    await page.getByRole('button', { name: 'Draw a sample for me' }).click();
    await page.waitForTimeout(500);
    await b.picture(page, n, '#teach');
  }
  if (what === 'check') {
    await page.locator('#check').getByRole('button', { name: 'Verify' }).click();
    await page.waitForFunction(() => Number(document.querySelector('#check .stat dd')?.textContent?.replace(/,/g,'')) > 40, null, { timeout: 120000 });
    await page.locator('#check').getByRole('button', { name: 'Stop' }).click();
    await b.picture(page, n, '#check');
  }
  if (what === 'cover') {
    await page.locator('#cover').scrollIntoViewIfNeeded();
    await page.waitForSelector('#cover .map');
    for (let i=0;i<3;i++) await page.getByRole('button', { name: 'Next tile' }).click();
    await b.picture(page, n, '#cover');
  }
  if (what === 'speed') {
    for (const r of process.argv.slice(4)) await page.getByLabel(r).check();
    await page.locator('#speed').getByRole('button', { name: 'Measure' }).click();
    await page.waitForFunction(() => /Done|Stopped/.test(document.querySelector('#speed .status')?.textContent ?? ''), null, { timeout: 300000 });
    console.log(await page.locator('#speed .status').textContent());
    console.log(await page.locator('#speed .results').innerText());
    await b.picture(page, n, '#speed');
  }
  await expectNoOverflow(page).catch((e) => console.log(n, e.message));
  await page.close();
}
try { b.expectNoProblems(); } catch (e) { console.log(e.message); }
await b.end();
