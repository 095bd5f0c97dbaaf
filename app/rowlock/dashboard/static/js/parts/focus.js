// Whoever uses the keyboard goes on at the head of the page, not at the start of it all, when what had the focus is gone.

import { useLayoutEffect } from '../view.js';

// `element`: a ref of what may go, with all that is in it.
export function useFocusPassedOn(element) {
  useLayoutEffect(() => () => {
    if (element.current?.contains(document.activeElement)) document.querySelector('main h1')?.focus({ preventScroll: true });
  }, []);
}
