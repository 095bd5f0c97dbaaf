// A button that does something at the server: asks first where that is called for, cannot be pressed twice, tells how it went.
// Whoever may only look does not see it. It keeps the focus, also where it cannot be pressed any more.

import { useMayWrite } from '../rights.js';
import { html, useRef, useState } from '../view.js';
import { useFocusPassedOn } from './focus.js';
import { tell } from './notices.js';
import { ask } from './question.js';

// `run`: () => Promise<sentence for the notice>; `question`: what to ask before, if anything; `onDone`: after `run` alone,
// however it went.
export function Act({ label, run, question, onDone, kind = '', disabled = false, describe }) {
  const [busy, setBusy] = useState(false);
  const running = useRef(false);
  const mayWrite = useMayWrite();
  const button = useRef(null);
  useFocusPassedOn(button);
  async function press() {
    if (running.current || disabled) return;
    running.current = true;
    try {
      if (question && !(await ask(question))) return;
      setBusy(true);
      await run().then((sentence) => tell(sentence), (problem) => tell(`${label}: ${problem.message}`, 'bad'));
      onDone?.();
    } finally {
      running.current = false;
      setBusy(false);
    }
  }
  return mayWrite && html`<button ref=${button} type="button" class="button ${kind}" aria-disabled=${busy || disabled} aria-busy=${busy} aria-label=${describe} onClick=${press}>
    ${label}
  </button>`;
}
