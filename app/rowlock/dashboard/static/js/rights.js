// What the key in use may do. Until the server has said so, everything is offered: it refuses what may not be.

import { session } from './session.js';
import { store, useStore } from './store.js';

const WRITING = ['write', 'admin'];

const known = store(null);

session.follow(() => known.set(null));

// To be called with the server's answer about the key.
export function learnRights(key) {
  known.set(key.scopes);
}

export function useMayWrite() {
  const scopes = useStore(known);
  return scopes === null || scopes.some((scope) => WRITING.includes(scope));
}
