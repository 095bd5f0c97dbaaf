// Pages by opaque cursors: one can go on, back to the pages seen, and to the start.

import { html, useEffect, useState } from '../view.js';

// A cursor belongs to the filters it was given for, so other filters (`key`) begin at the first page.
export function useCursors(key) {
  const [seen, setSeen] = useState({ key, trail: [] });
  const trail = seen.key === key ? seen.trail : [];
  useEffect(() => setSeen((before) => (before.key === key ? before : { key, trail: [] })), [key]);
  return {
    cursor: trail.at(-1),
    page: trail.length + 1,
    older: (cursor) => setSeen({ key, trail: [...trail, cursor] }),
    newer: () => setSeen({ key, trail: trail.slice(0, -1) }),
  };
}

export function Pager({ cursors, next }) {
  if (!next && cursors.page === 1) return null;
  return html`<nav class="pager" aria-label="Pages">
    <button type="button" class="button" disabled=${cursors.page === 1} onClick=${cursors.newer}>‹ Newer</button>
    <span class="faint">Page ${cursors.page}</span>
    <button type="button" class="button" disabled=${!next} onClick=${() => cursors.older(next)}>Older ›</button>
  </nav>`;
}
