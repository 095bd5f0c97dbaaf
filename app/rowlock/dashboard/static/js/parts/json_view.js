// JSON as a person reads it: indented, its kinds of values told apart. Every piece is a text node.

import { plural } from '../format.js';
import { printed } from '../exact_json.js';
import { html, useMemo, useState } from '../view.js';
import { tell } from './notices.js';

// A string may lack its end, where the text was cut.
const PIECES = /("(?:\\.|[^"\\])*(?:"|\\?$))(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;
const MOST_CHARACTERS = 20_000; // what is drawn before the reader asks for all, and what is coloured at most

export function JsonView({ value, label }) {
  const [whole, setWhole] = useState(false);
  const text = useMemo(() => printed(value), [value]);
  const cut = !whole && text.length > MOST_CHARACTERS;
  const drawn = useMemo(() => drawing(cut ? text.slice(0, MOST_CHARACTERS) : text), [text, cut]);
  return html`<figure class="json" aria-label=${label}>
    <figcaption>
      <span>${label}</span>
      <button type="button" class="plain" onClick=${() => copy(text, label)}>Copy</button>
    </figcaption>
    ${drawn}
    ${cut && html`<button type="button" class="plain" onClick=${() => setWhole(true)}>Show all ${plural(text.length, 'character')}</button>`}
  </figure>`;
}

function drawing(text) {
  return html`<pre tabindex="0"><code>${text.length > MOST_CHARACTERS ? text : coloured(text)}</code></pre>`;
}

function coloured(text) {
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(PIECES)) {
    const [, string, colon, word] = match;
    if (match.index > end) pieces.push(text.slice(end, match.index));
    const kind = string ? (colon ? 'json-name' : 'json-text') : word ? 'json-word' : 'json-number';
    pieces.push(html`<span class=${kind}>${string ?? match[0]}</span>`, colon ?? '');
    end = match.index + match[0].length;
  }
  pieces.push(text.slice(end));
  return pieces;
}

export async function copy(text, label) {
  try {
    await navigator.clipboard.writeText(text);
    tell(`${label} copied.`);
  } catch {
    tell('The browser does not let this page use the clipboard.', 'bad');
  }
}
