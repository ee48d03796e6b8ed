/** Tables, which every chart has one of. */

import { h, type Child } from './dom';

export interface Column<Row> {
  readonly name: string;
  /** Whether it holds numbers, which are set to the right. */
  readonly number?: boolean;
  readonly cell: (row: Row) => Child;
}

/** A table that scrolls on its own where it is too wide. The first column heads its rows. */
export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): HTMLElement {
  const head = columns.map((column) =>
    h('th', { scope: 'col', class: column.number ? 'number' : null }, column.name),
  );
  const body = rows.map((row) =>
    h(
      'tr',
      {},
      ...columns.map((column, index) =>
        index === 0
          ? h('th', { scope: 'row' }, column.cell(row))
          : h('td', { class: column.number ? 'number' : null }, column.cell(row)),
      ),
    ),
  );
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h('table', {}, h('caption', {}, caption), h('thead', {}, h('tr', {}, ...head)), h('tbody', {}, ...body)),
  );
}

/** A table that opens on demand. */
export function folded(summary: string, ...content: Child[]): HTMLElement {
  return h('details', {}, h('summary', {}, summary), ...content);
}
