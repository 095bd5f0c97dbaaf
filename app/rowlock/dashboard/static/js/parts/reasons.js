// Why something is as it is: a code, a sentence, and what to do about it.

import { html } from '../view.js';
import { Sentence } from './time.js';

export function Reasons({ reasons }) {
  return html`<ul class="reasons">${reasons.map(({ code, explanation, advice }) => html`<li key=${code}>
    <code>${code}</code> <${Sentence} text=${explanation} /> ${advice && html`<strong>${advice}</strong>`}
  </li>`)}</ul>`;
}
