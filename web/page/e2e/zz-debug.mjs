import { Browser, VIEWS } from './browser.mjs';
const b = await Browser.start();
const page = await b.open(VIEWS[1]);
const w = await page.evaluate(async () => {
  const url = performance.getEntriesByType('resource').map((e) => e.name);
  return url;
});
console.log(w);
const worker = await page.evaluate(async () => {
  const text = await (await fetch(document.querySelector('script[type=module]').src)).text();
  const name = /worker-[\w-]+\.js/.exec(text)[0];
  const wk = new Worker('./assets/' + name, { type: 'module' });
  const ask = (method, ...args) => new Promise((r) => { wk.onmessage = (e) => r(e.data); wk.postMessage({ id: 0, method, args }); });
  const out = {};
  out.about = await ask('about');
  out.peak = await ask('peak');
  for (let i = 14; i < 26; i += 3) out['b' + i] = await ask('bandwidth', 2 ** i);
  out.layer = await ask('layer', { channels: 96, input: [56, 56], kernel: [7, 7], stride: [1, 1], dilation: [1, 1], padding: [3, 3, 3, 3] });
  out.calls = await ask('calls', 'forward', 0.006);
  out.sample = await ask('sample', 'forward', out.calls.result);
  return out;
});
console.log(JSON.stringify(worker, null, 1));
try { b.expectNoProblems(); } catch (e) { console.log(e.message); }
await b.end();
