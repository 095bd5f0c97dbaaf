// A table on a wide screen; on a narrow one each row is a card whose cells carry their column's title.
// columns: [{ title, cell: (row) => content, kind?: words of css/tables.css }]

import { html } from '../view.js';

export function Table({ label, columns, rows, keyOf }) {
  return html`<div class="table-frame" tabindex="0" role="region" aria-label=${label}>
    <table>
      <caption class="unseen">${label}</caption>
      <thead>
        <tr>${columns.map(({ title, kind, head }) => html`<th scope="col" class=${kind ?? ''}>
          ${head ?? (kind === 'actions' ? html`<span class="unseen">${title}</span>` : title)}
        </th>`)}</tr>
      </thead>
      <tbody>
        ${rows.map((row) => html`<tr key=${keyOf(row)}>
          ${columns.map(({ title, cell, kind }) => html`<td class=${kind ?? ''} data-title=${title}>${cell(row)}</td>`)}
        </tr>`)}
      </tbody>
    </table>
  </div>`;
}
