// A task's tags, each a way to the tasks that share it.

import { address } from '../router.js';
import { html } from '../view.js';

export function Tags({ tags }) {
  if (!tags?.length) return null;
  return html`<span class="tags">${tags.map((tag) => html`<a class="tag" href=${address('tasks', '', { tag })}>${tag}</a>`)}</span>`;
}
