// The door: an API key, pasted. It is tried at once, so that a wrong one is said here and not on every page.

import { signIn } from '../session.js';
import { html, useEffect, useRef } from '../view.js';

export function SignIn({ refusal }) {
  const field = useRef(null);
  useEffect(() => field.current.focus(), []);
  function submit(event) {
    event.preventDefault();
    const key = field.current.value.trim();
    if (key) signIn(key);
  }
  return html`<main class="door">
    <form class="door-card" onSubmit=${submit} autocomplete="off">
      <h1><span class="mark" aria-hidden="true"></span>rowlock</h1>
      <label for="key">API key</label>
      <input id="key" ref=${field} type="password" placeholder="rlk_…" required spellcheck=${false} autocomplete="off" aria-describedby="key-note" />
      ${refusal && html`<p class="door-refusal" role="alert">${refusal}</p>`}
      <button class="button primary" type="submit">Open</button>
      <p id="key-note" class="faint">The key stays in this tab and is sent to this server only. Make one with${' '}
        <code>rowlock keys create --name you</code>; <code>--scopes read</code> lets it look without touching.</p>
    </form>
  </main>`;
}
