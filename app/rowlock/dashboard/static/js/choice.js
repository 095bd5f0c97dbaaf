// The dead letters that were chosen under some filters: kept while the reader looks at one of them, and gone with the key.

import { session } from './session.js';
import { store, useStore } from './store.js';

const NONE = { key: null, ids: [] };

const choice = store(NONE);

session.follow(() => choice.set(NONE));

// `key`: the filters. The ids stay chosen where a refresh or another page no longer shows them.
export function useChoice(key) {
  const of = (made) => (made.key === key ? made.ids : NONE.ids);
  return {
    chosen: of(useStore(choice)),
    choose: (change) => choice.set({ key, ids: change(of(choice.get())) }),
  };
}

export function untick(ids) {
  const made = choice.get();
  choice.set({ ...made, ids: made.ids.filter((id) => !ids.includes(id)) });
}
