// Lists a page at a time, by opaque cursors: one can go on, back to the pages seen, and to the start.

import { turn, usePlace } from '../router.js';
import { html, useRef } from '../view.js';
import { Answer, Empty } from './answers.js';
import { useFocusPassedOn } from './focus.js';

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
  const next = live.data?.next_cursor;
  const several = useRef(false);
  several.current = cursors.page > 1 || Boolean(next) || (several.current && !live.data); // while it turns, the focus is in it
  return html`
    <${Answer} live=${live} rows=${rows} empty=${({ items }) => items.length === 0 && none}>${({ items }) => children(items)}<//>
    ${several.current && html`<${Pager} cursors=${cursors} next=${next} busy=${!live.data} ways=${ways} />`}`;
}

function Left({ cursors }) {
  const back = useRef(null);
  useFocusPassedOn(back);
  return html`<${Empty} title="Nothing is left on this page.">
    <button ref=${back} type="button" class="button" onClick=${cursors.first}>To the first page</button>
  <//>`;
}

function Pager({ cursors, next, busy, ways: [back, on] = ['Newer', 'Older'] }) {
  const shown = useRef(null);
  useFocusPassedOn(shown);
  const first = cursors.page === 1;
  const older = (event) => {
    if (!next) return; // it is on its way
    showStart(event);
    cursors.older(next);
  };
  const newer = (event) => {
    if (first) return;
    showStart(event);
    cursors.newer();
  };
  return html`<nav ref=${shown} class="pager" aria-label="Pages">
    <button type="button" class="button" aria-disabled=${first} onClick=${newer}>‹ ${back}</button>
    <span class="faint">Page ${cursors.page}</span>
    <button type="button" class="button" aria-disabled=${!next} aria-busy=${busy} onClick=${older}>${on} ›</button>
  </nav>`;
}

// The next page is read from its start.
function showStart(event) {
  const list = event.currentTarget.closest('.pager').previousElementSibling;
  if (list.getBoundingClientRect().top < 0) list.scrollIntoView();
}
