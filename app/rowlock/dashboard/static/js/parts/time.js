// An instant as people ask for it, `3 m ago` or `in 5 m`, with the exact one behind it.

import { now } from '../clock.js';
import { dateTime, dateTimeIn, roughly } from '../format.js';
import { html, useEffect, useState } from '../view.js';

const TICK_MS = 1_000;
const SPEAKS_OF_NOW = 1;
const INSTANT = /\b(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d)(:\d\d)?\b/g; // as PostgreSQL writes it

export function Ago({ at }) {
  useTick();
  if (!at) return html`<span class="faint">–</span>`;
  const seconds = (now() - Date.parse(at)) / 1_000;
  const words = Math.abs(seconds) < SPEAKS_OF_NOW ? 'now' : seconds > 0 ? `${roughly(seconds)} ago` : `in ${roughly(-seconds)}`;
  return html`<time datetime=${at} title=${dateTime(at)}>${words}</time>`;
}

// `zone`: whose clocks tell it besides the reader's, where they differ.
export function At({ at, zone }) {
  if (!at) return html`<span class="faint">–</span>`;
  const here = dateTime(at);
  const there = zone ? dateTimeIn(zone, at) : here;
  return html`<time datetime=${at} title=${at}>${here}</time> <span class="faint unbroken">(<${Ago} at=${at} />)</span>
    ${there && there !== here && html`<div class="faint"><time datetime=${at}>${there}</time></div>`}`;
}

// A sentence of the server's, with the instants in it on the reader's clocks.
export function Sentence({ text }) {
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(INSTANT)) {
    const [instant, date, time, hours, minutes = ':00'] = match;
    const at = `${date}T${time}${hours}${minutes}`;
    if (Number.isNaN(Date.parse(at))) continue;
    pieces.push(text.slice(end, match.index), html`<time datetime=${at} title=${at}>${dateTime(at)}</time>`);
    end = match.index + instant.length;
  }
  return html`${pieces}${text.slice(end)}`;
}

function useTick() {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && tick((count) => count + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
}
