// Asks before an act that cannot be taken back: `await ask({ title, text, verb })` is true or false.

import { store, useStore } from '../store.js';
import { html, useLayoutEffect, useRef } from '../view.js';

const open = store(null);

// Takes an open question back, as if it had been answered with no.
export function withdraw() {
  open.get()?.answer(false);
}

export function ask(question) {
  withdraw();
  return new Promise((resolve) => {
    open.set({
      ...question,
      answer(decided) {
        open.set(null);
        resolve(decided);
      },
    });
  });
}

export function Question() {
  const question = useStore(open);
  const dialog = useRef(null);
  useLayoutEffect(() => {
    if (question && !dialog.current.open) dialog.current.showModal();
    if (!question && dialog.current.open) dialog.current.close();
  }, [question]);
  return html`<dialog ref=${dialog} class="question" aria-labelledby="question-title" aria-describedby="question-text" onClose=${withdraw}>
    ${question && html`
      <h2 id="question-title">${question.title}</h2>
      <p id="question-text">${question.text}</p>
      <div class="question-verbs">
        <button type="button" class="button" onClick=${() => question.answer(false)}>Keep as it is</button>
        <button type="button" class="button ${question.danger ? 'danger' : 'primary'}" onClick=${() => question.answer(true)}>${question.verb}</button>
      </div>`}
  </dialog>`;
}
