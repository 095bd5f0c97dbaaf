// A status in one word: coloured, but never told by colour alone.

import { html } from '../view.js';

const TONES = {
  ready: 'ready', running: 'running', scheduled: 'scheduled', retrying: 'warn', blocked: 'still',
  succeeded: 'good', dead: 'bad', cancelled: 'still', orphaned: 'bad',
  healthy: 'good', degraded: 'warn', unhealthy: 'bad', gone: 'bad', stopped: 'still', draining: 'warn',
  failed: 'bad', timed_out: 'bad', lease_expired: 'bad', snoozed: 'scheduled', released: 'still',
  paused: 'warn', active: 'good', fired: 'good', skipped: 'still',
};

export function toneOf(word) {
  return TONES[word] ?? 'still';
}

export function Chip({ word }) {
  return html`<span class="chip tone-${toneOf(word)}">${String(word).replaceAll('_', ' ')}</span>`;
}
