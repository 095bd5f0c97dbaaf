// The API key: pasted, or handed over once in the URL's fragment (`#key=…`), and kept until the tab is closed.

import { store } from './store.js';

const PLACE = 'rowlock.key';
const SENDABLE = /^[\x21-\x7e]+$/; // in a header

function remembered() {
  try {
    return sessionStorage.getItem(PLACE);
  } catch {
    return null; // storage is forbidden here: the key lives as long as the page
  }
}

function remember(key) {
  try {
    if (key) sessionStorage.setItem(PLACE, key);
    else sessionStorage.removeItem(PLACE);
  } catch {
    return; // as above
  }
}

// `key`: the key in use or null. `refusal`: why the last one is no longer in use.
export const session = store({ key: remembered(), refusal: null });

export function signIn(key) {
  if (!SENDABLE.test(key)) {
    signOut('This is not an API key: it holds characters that no key has. Copy the whole key, and paste it again.');
    return;
  }
  remember(key);
  session.set({ key, refusal: null });
}

export function signOut(refusal = null) {
  remember(null);
  session.set({ key: null, refusal });
}

// Takes a key out of the address before anything else can see it there, the history included.
export function takeKeyFromAddress() {
  const fragment = location.hash.slice(1);
  if (!fragment.startsWith('key=')) return;
  history.replaceState(null, '', `${location.pathname}${location.search}#/`);
  const key = new URLSearchParams(fragment).get('key')?.trim();
  if (key) signIn(key);
}
