// How far the reader has scrolled, kept with each entry of the tab's history: Back and a reload return there. The browser's
// own memory does not wait for the rows.

const STILL_MS = 150;
const PATIENCE_MS = 10_000; // for what makes the page as long as it was
const OWN_WILL = ['wheel', 'touchmove', 'keydown', 'pointerdown'];

let wanted = null; // where to return, until it is reached or the reader moves
let noting = 0;
let waiting = 0;

export function keepScroll() {
  history.scrollRestoration = 'manual';
  addEventListener('scroll', () => {
    clearTimeout(noting);
    if (wanted === null) noting = setTimeout(note, STILL_MS);
  }, { passive: true });
  addEventListener('click', note, { capture: true }); // it may lead away
  for (const move of OWN_WILL) addEventListener(move, letGo, { capture: true, passive: true });
  new ResizeObserver(goBack).observe(document.body);
}

// To be called when the address or the place in the history has changed.
export function restoreScroll() {
  letGo();
  clearTimeout(noting);
  wanted = history.state?.top ?? null;
  waiting = setTimeout(letGo, PATIENCE_MS);
  goBack();
}

// A new entry begins at its top; whoever comes back to one is taken to where they were.
export function startAtTop() {
  if (history.state?.top === undefined) scrollTo(0, 0);
}

function note() {
  history.replaceState({ ...history.state, top: scrollY }, '');
}

function letGo() {
  clearTimeout(waiting);
  wanted = null;
}

function goBack() {
  if (wanted !== null) scrollTo(0, wanted);
}
