// An instant as people ask for it, `3 m ago` or `in 5 m`, with the exact one behind it.

import { now } from '../clock.js';
import { dateTime, roughly } from '../format.js';
import { html, useEffect, useState } from '../view.js';

const TICK_MS = 1_000;
const SPEAKS_OF_NOW = 1;

export function Ago({ at }) {
  useTick();
  if (!at) return html`<span class="faint">–</span>`;
  const seconds = (now() - Date.parse(at)) / 1_000;
  const words = Math.abs(seconds) < SPEAKS_OF_NOW ? 'now' : seconds > 0 ? `${roughly(seconds)} ago` : `in ${roughly(-seconds)}`;
  return html`<time datetime=${at} title=${dateTime(at)}>${words}</time>`;
}

export function At({ at }) {
  if (!at) return html`<span class="faint">–</span>`;
  return html`<time datetime=${at} title=${at}>${dateTime(at)}</time> <span class="faint unbroken">(<${Ago} at=${at} />)</span>`;
}

function useTick() {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && tick((count) => count + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
}
