/** Controls that all parts use. */

import { h, id, type Child } from './dom';

export function button(
  label: Child,
  click: () => void,
  properties: Record<string, string | boolean> = {},
): HTMLButtonElement {
  return h('button', { type: 'button', click, ...properties }, label);
}

/** A labelled choice. */
export function select(
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  value: string,
  change: (value: string) => void,
): HTMLElement {
  const name = id('select');
  const element = h(
    'select',
    { id: name, change: () => change(element.value) },
    ...options.map(([value, text]) => h('option', { value }, text)),
  );
  element.value = value;
  return h('div', { class: 'field' }, h('label', { for: name }, label), element);
}

/** A button that copies a text, and says so. */
export function copyButton(label: string, text: () => string): HTMLButtonElement {
  const element = button(label, () => {
    void copy(text()).then(
      () => flash(element, 'Copied', label),
      () => flash(element, 'Could not copy', label),
    );
  });
  element.setAttribute('aria-live', 'polite');
  return element;
}

/** Pages without a certificate have no clipboard, but can copy what is selected. */
async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = h('textarea', { class: 'visually-hidden' }, text);
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (!copied) throw new Error('refused');
}

function flash(element: HTMLElement, text: string, then: string): void {
  element.textContent = text;
  setTimeout(() => (element.textContent = then), 1600);
}

/** A large number with what it counts. */
export function stat(label: string): { element: HTMLElement; set(value: string): void } {
  const value = h('dd', {}, '–');
  const element = h('div', { class: 'stat' }, h('dt', {}, label), value);
  return { element, set: (text) => (value.textContent = text) };
}

export function stats(...all: { element: HTMLElement }[]): HTMLElement {
  return h('dl', { class: 'stats' }, ...all.map((one) => one.element));
}

/** A region that screen readers follow, told at most every two seconds. */
export class Status {
  readonly element = h('p', { class: 'status', role: 'status' });
  #last = 0;

  /** Says something passing. */
  progress(text: string): void {
    const now = performance.now();
    if (now - this.#last < 2000) return;
    this.#last = now;
    this.element.textContent = text;
  }

  /** Says something that must be heard. */
  say(text: string): void {
    this.#last = performance.now();
    this.element.textContent = text;
  }
}

/** Calls `stop` when nobody looks any more. */
export function stopWhenHidden(stop: () => void): void {
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) stop();
  });
}
