/** A server of the built page, a browser, and pages that must not misbehave. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';
import { preview } from 'vite';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SCREENSHOTS = fileURLToPath(new URL('../screenshots/', import.meta.url));

/** Debian's, or another one by its path. */
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-precise-memory-info',
];

/** A phone and a desk. */
export const VIEWS = [
  { name: 'phone', width: 360, height: 740, isMobile: true },
  { name: 'desk', width: 1280, height: 900, isMobile: false },
];

/** Serves the page that is built: where, and how to end that. */
export async function serve() {
  assert.ok(existsSync(`${ROOT}dist/index.html`), 'the page is not built: cargo xtask web build');
  const { httpServer } = await preview({ root: ROOT, logLevel: 'error', preview: { port: 0, host: '127.0.0.1' } });
  const stop = () =>
    new Promise((done) => {
      httpServer.closeAllConnections();
      httpServer.close(done);
    });
  return { origin: `http://127.0.0.1:${httpServer.address().port}`, stop };
}

/** What every page must do without, in either browser's driver. */
export function watch(page, origin, problems) {
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) problems.push(`request: ${url}`);
  });
}

export class Browser {
  #server;
  #profile;
  #context;
  #problems = [];
  origin;

  /** Starts a server and a browser with an empty profile. A missing browser is a failure. */
  static async start(options = {}) {
    assert.ok(existsSync(CHROMIUM), `there is no ${CHROMIUM}: cargo xtask setup installs it`);
    const browser = new Browser();
    browser.#server = await serve();
    browser.origin = browser.#server.origin;
    browser.#profile = mkdtempSync(`${tmpdir()}/depthwise-page-`);
    browser.#context = await chromium.launchPersistentContext(browser.#profile, {
      executablePath: CHROMIUM,
      args: FLAGS,
      ...options,
    });
    return browser;
  }

  /** The page at a size, as a new visitor has it. */
  async open({ width, height }, fragment = '', settings = {}) {
    const page = await this.#context.newPage();
    watch(page, this.origin, this.#problems);
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: 'light', ...settings });
    await page.goto(`${this.origin}/${fragment}`);
    await page.waitForSelector('#teach');
    return page;
  }

  get context() {
    return this.#context;
  }

  /** A picture of a part, or of the whole page, for those who look. */
  async picture(page, name, selector) {
    mkdirSync(SCREENSHOTS, { recursive: true });
    const path = `${SCREENSHOTS}${name}.png`;
    if (selector) await page.locator(selector).screenshot({ path });
    else await page.screenshot({ path, fullPage: true });
  }

  /** Fails if a page has misbehaved since the last time. */
  expectNoProblems() {
    const problems = this.#problems.splice(0);
    assert.deepEqual(problems, []);
  }

  stopServing() {
    return this.#server.stop();
  }

  async end() {
    await this.#context.close();
    await this.stopServing();
    rmSync(this.#profile, { recursive: true, force: true });
  }
}

/** Whether nothing is wider than the page. */
export async function expectNoOverflow(page) {
  const { scroll, client } = await page.evaluate(() => ({
    scroll: document.documentElement.scrollWidth,
    client: document.documentElement.clientWidth,
  }));
  assert.ok(scroll <= client, `the page is ${scroll} wide on a screen of ${client}`);
}
