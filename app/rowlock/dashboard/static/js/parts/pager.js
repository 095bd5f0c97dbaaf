// Lists a page at a time, by opaque cursors: one can go on, back to the pages seen, and to the start.

import { turn, usePlace } from '../router.js';
import { html } from '../view.js';
import { Answer, Empty } from './answers.js';

// Cursors belong to the address, with its filters: another one begins at the first page. A page shows one such list.
export function useCursors() {
  const { trail } = usePlace();
  return {
    cursor: trail.at(-1),
    page: trail.length + 1,
    older: (cursor) => turn([...trail, cursor]),
    newer: () => turn(trail.slice(0, -1)),
    first: () => turn([]),
  };
}

// One page of a list, or what stands in its place, and the ways to the others. `empty`: what to say of a list without items.
export function Paged({ live, cursors, rows, empty, ways, children }) {
  const none = cursors.page > 1 ? html`<${Left} cursors=${cursors} />` : empty;
  return html`
    <${Answer} live=${live} rows=${rows} empty=${({ items }) => items.length === 0 && none}>${({ items }) => children(items)}<//>
    <${Pager} cursors=${cursors} next=${live.data?.next_cursor} busy=${!live.data} ways=${ways} />`;
}

function Left({ cursors }) {
  return html`<${Empty} title="Nothing is left on this page.">
    <button type="button" class="button" onClick=${cursors.first}>To the first page</button>
  <//>`;
}

function Pager({ cursors, next, busy, ways: [back, on] = ['Newer', 'Older'] }) {
  if (!next && cursors.page === 1) return null;
  const older = (event) => {
    if (!next) return; // it is on its way
    showStart(event);
    cursors.older(next);
  };
  const newer = (event) => {
    showStart(event);
    cursors.newer();
  };
  return html`<nav class="pager" aria-label="Pages">
    <button type="button" class="button" disabled=${cursors.page === 1} onClick=${newer}>‹ ${back}</button>
    <span class="faint">Page ${cursors.page}</span>
    <button type="button" class="button" disabled=${!next && !busy} aria-disabled=${busy} onClick=${older}>${on} ›</button>
  </nav>`;
}

// The next page is read from its start.
function showStart(event) {
  const list = event.currentTarget.closest('.pager').previousElementSibling;
  if (list.getBoundingClientRect().top < 0) list.scrollIntoView();
}
