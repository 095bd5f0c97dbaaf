// What stands where data would: it is on its way, there is none, or it could not be had.

import { html } from '../view.js';

export function Loading({ rows = 5 }) {
  return html`<div class="loading" role="status" aria-label="Loading">
    ${Array.from({ length: rows }, () => html`<div class="loading-row"></div>`)}
  </div>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p><p>${children}</p></div>`;
}

export function Failure({ problem, onRetry, stale = false }) {
  return html`<div class="failure" role="alert">
    <div>
      <strong>${problem.title}</strong>
      <p>${problem.detail}${stale ? ' What you see may be out of date.' : ''}</p>
      ${problem.errors?.length > 1 && html`<ul>${problem.errors.map(({ field, reason }) => html`<li><code>${field}</code> ${reason}</li>`)}</ul>`}
      ${problem.requestId && html`<p class="faint">Request <code>${problem.requestId}</code></p>`}
    </div>
    ${onRetry && html`<button type="button" class="button" onClick=${onRetry}>Try again</button>`}
  </div>`;
}

// One of the three, or what the data look like.
export function Answer({ live, empty, children, rows }) {
  const { data, problem, busy, reload } = live;
  if (data === undefined) return problem ? html`<${Failure} problem=${problem} onRetry=${reload} />` : html`<${Loading} rows=${rows} />`;
  return html`<div class="answer" aria-busy=${busy}>
    ${problem && html`<${Failure} problem=${problem} onRetry=${reload} stale />`}
    ${empty && empty(data) ? empty(data) : children(data)}
  </div>`;
}
