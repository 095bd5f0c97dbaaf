// Starts the page, and follows the address: first a key is taken out of it, only then does anything read it.
// Another page of a list has the same address, so that only `popstate` tells of the way back from it.

import { App } from './app.js';
import { dismissAll } from './parts/notices.js';
import { withdraw } from './parts/question.js';
import { refreshPlace } from './router.js';
import { keepScroll, restoreScroll } from './scroll.js';
import { session, takeKeyFromAddress } from './session.js';
import { html, render } from './view.js';

function arrive() {
  withdraw(); // it was asked about what is no longer shown
  takeKeyFromAddress();
  refreshPlace();
  restoreScroll();
}

// Nothing of one key outlives it: what it was asked might be answered, and done, under another.
session.follow(() => {
  withdraw();
  dismissAll();
});

keepScroll();
arrive();
addEventListener('hashchange', arrive);
addEventListener('popstate', ({ state }) => {
  history.replaceState(state, ''); // after a link to the address that is shown, Chromium's still holds the old state
  arrive();
});
render(html`<${App} />`, document.getElementById('page'));
