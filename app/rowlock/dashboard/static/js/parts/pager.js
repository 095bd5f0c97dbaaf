// Pages by opaque cursors: one can go on, back to the pages seen, and to the start.

import { html, useEffect, useState } from '../view.js';

export function useCursors(key) {
  const [trail, setTrail] = useState([]);
  useEffect(() => setTrail([]), [key]);
  return {
    cursor: trail.at(-1),
    page: trail.length + 1,
    older: (cursor) => setTrail([...trail, cursor]),
    newer: () => setTrail(trail.slice(0, -1)),
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
