// Small bars: how far a task is, how full a worker is, what a queue holds.

import { count } from '../format.js';
import { html } from '../view.js';
import { toneOf } from './chip.js';

export function Meter({ done, total, label }) {
  const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
  return html`<span class="meter" role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax=${total} aria-valuenow=${done}>
    <span class="meter-fill" style=${{ width: `${share * 100}%` }}></span>
  </span>`;
}

// counts: { state: number }; the parts of the bar are as wide as their share of the fullest queue.
export function DepthBar({ counts, fullest }) {
  const states = Object.entries(counts).filter(([, number]) => number > 0);
  const words = states.map(([state, number]) => `${count(number)} ${state}`).join(', ') || 'empty';
  return html`<span class="depth-bar" role="img" aria-label=${words} title=${words}>
    ${states.map(([state, number]) => html`<span class="depth-part tone-${toneOf(state)}" style=${{ width: `${(number / Math.max(fullest, 1)) * 100}%` }}></span>`)}
  </span>`;
}
