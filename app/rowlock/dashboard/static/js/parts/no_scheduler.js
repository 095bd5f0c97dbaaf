// That no scheduler leads, what waits for one, and what to do; nothing while one leads.

import { useLive } from '../live.js';
import { html } from '../view.js';
import { Ago } from './time.js';

export function NoScheduler() {
  const { data: scheduler } = useLive('scheduler', {}, { every: 10_000 });
  if (!scheduler || scheduler.leads) return null;
  const heard = scheduler.renewed_at ? html`the last was heard of <${Ago} at=${scheduler.renewed_at} />` : 'none has ever led';
  return html`<ul class="reasons alarm" aria-label="Scheduler"><li>
    No scheduler leads: ${heard}. Schedules, deadlines, what vanished workers held and new partitions wait for
    one. <strong>Start it: <code class="unbroken">rowlock scheduler</code></strong>
  </li></ul>`;
}
