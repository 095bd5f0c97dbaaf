// A page's title, what it says at a glance, and its acts. It names the browser's tab, too.

import { html, useEffect } from '../view.js';

export function Heading({ title, note, children }) {
  useEffect(() => {
    document.title = `${title} · rowlock`;
  }, [title]);
  return html`<header class="heading">
    <h1 tabindex="-1">${title}</h1>
    ${note && html`<p class="faint">${note}</p>`}
    <div class="heading-acts">${children}</div>
  </header>`;
}
