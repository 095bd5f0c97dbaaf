// Starts the page, and follows the address: first a key is taken out of it, only then does anything read it.

import { App } from './app.js';
import { refreshPlace } from './router.js';
import { takeKeyFromAddress } from './session.js';
import { html, render } from './view.js';

function arrive() {
  takeKeyFromAddress();
  refreshPlace();
}

arrive();
addEventListener('hashchange', arrive);
render(html`<${App} />`, document.getElementById('page'));
