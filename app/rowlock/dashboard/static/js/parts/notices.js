// What became of the reader's last acts, told at the foot of the page and to screen readers.

import { store, useStore } from '../store.js';
import { html } from '../view.js';

const STAY_MS = 6_000;
const MOST = 4;

const notices = store([]);
let last = 0;

export function tell(text, tone = 'good') {
  last += 1;
  const id = last;
  notices.set([...notices.get(), { id, text, tone }].slice(-MOST));
  if (tone === 'good') setTimeout(() => dismiss(id), STAY_MS);
}

function dismiss(id) {
  notices.set(notices.get().filter((notice) => notice.id !== id));
}

export function dismissAll() {
  notices.set([]);
}

export function Notices() {
  const shown = useStore(notices);
  return html`<div class="notices" role="status" aria-live="polite">
    ${shown.map(({ id, text, tone }) => html`<div key=${id} class="notice tone-${tone}">
      <span>${text}</span>
      <button type="button" class="plain" aria-label="Dismiss" onClick=${() => dismiss(id)}>×</button>
    </div>`)}
  </div>`;
}
