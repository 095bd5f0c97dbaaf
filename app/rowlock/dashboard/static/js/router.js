// Where the reader is: `#/tasks?status=dead` is the page `tasks` with a query; `#/tasks/<id>` has an argument. The trail of
// cursors to one page of a list stays in the tab's history, where Back and a reload find it.

import { store, useStore } from './store.js';

function read() {
  const [route, query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2);
  const [page, ...rest] = route.split('/');
  return { page, argument: decoded(rest.join('/')), query: Object.fromEntries(new URLSearchParams(query)), trail: history.state?.trail ?? [] };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand, with a stray percent sign
  }
}

const place = store(read());

export function usePlace() {
  return useStore(place);
}

export function address(page, argument = '', query = {}) {
  const said = Object.entries(query).filter(([, value]) => value);
  const tail = said.length ? `?${new URLSearchParams(said)}` : '';
  return `#/${page}${argument ? `/${encodeURIComponent(argument)}` : ''}${tail}`;
}

export function go(page, argument, query) {
  location.hash = address(page, argument, query);
}

// To another page of the list that is shown.
export function turn(trail) {
  history.pushState({ trail }, '');
  refreshPlace();
}

// To be called when the address has changed.
export function refreshPlace() {
  place.set(read());
}
