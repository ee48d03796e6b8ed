// The browsers of the tests: Debian's. One that is missing is a failure.

import puppeteer from 'puppeteer-core';

export const BROWSERS = {
  chromium: {
    browser: 'chrome',
    executablePath: '/usr/bin/chromium',
    // Containers have neither what its sandbox takes nor much of /dev/shm.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  },
  firefox: { browser: 'firefox', executablePath: '/usr/bin/firefox-esr' },
};

/** Runs `visit` with an empty page of `origin` in a browser. */
export async function inPage(name, origin, visit) {
  const browser = await puppeteer.launch({ headless: true, protocolTimeout: 300_000, ...BROWSERS[name] });
  try {
    const page = await browser.newPage();
    await page.goto(origin);
    return await visit(page);
  } finally {
    await browser.close();
  }
}
