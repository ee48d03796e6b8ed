/** The frame that all parts of the page have. */

import { h, id, type Child } from './dom';

export function part(name: string, title: string, lead: Child, ...content: Child[]): HTMLElement {
  const heading = id(name);
  return h(
    'section',
    { id: name, class: 'part', 'aria-labelledby': heading },
    h('h2', { id: heading }, title),
    h('p', { class: 'lead' }, lead),
    ...content,
  );
}

/** Two or more that exclude each other, side by side. */
export function segments<T extends string>(
  label: string,
  options: readonly (readonly [value: T, text: string])[],
  value: T,
  change: (value: T) => void,
): { element: HTMLElement; set(value: T): void } {
  const name = id('segments');
  const inputs = options.map(([option]) =>
    h('input', { type: 'radio', name, value: option, checked: option === value, change: () => change(option) }),
  );
  const element = h(
    'fieldset',
    { class: 'segments' },
    h('legend', {}, label),
    ...options.map(([, text], i) => h('label', {}, inputs[i], h('span', {}, text))),
  );
  return {
    element,
    set(value) {
      for (const input of inputs) input.checked = input.value === value;
    },
  };
}
