// The first look: what waits, what runs, what hurts, and whether anybody is at work.

import { count, duration, titled } from '../format.js';
import { useLive } from '../live.js';
import { Answer, Empty } from '../parts/answers.js';
import { toneOf } from '../parts/chip.js';
import { Heading } from '../parts/heading.js';
import { NoScheduler } from '../parts/no_scheduler.js';
import { LATE_SECONDS, longestWaiting, Queues, STATES } from '../parts/queues.js';
import { Ago } from '../parts/time.js';
import { address } from '../router.js';
import { html } from '../view.js';
import { WorkersTable } from './workers.js';

const MOST_WORKERS = 12;
const MOST_GONE = 3; // of these: a crash leaves one for a day, and they must not hide those at work
const HEALTHS = ['unhealthy', 'degraded', 'gone', 'healthy']; // of those that have not stopped: what hurts first
const AT_WORK = HEALTHS.filter((health) => health !== 'gone').map((health) => `health=${health}`).join('&');

export function Overview() {
  const queues = useLive('queues');
  const dead = useLive('dead-letters', { limit: 5 }, { every: 10_000 });
  const workers = useLive(`workers?${AT_WORK}`, { limit: 200 }, { every: 5_000 });
  const gone = useLive('workers?health=gone', { limit: 200 }, { every: 5_000 });
  return html`
    <${Heading} title="Overview" />
    <${NoScheduler} />
    <${Answer} live=${queues} rows=${4}>${({ items }) => html`
      <${Totals} queues=${items} />
      <section aria-labelledby="queues-title">
        <h2 id="queues-title">Queues</h2>
        ${items.length ? html`<${Queues} queues=${items} onChange=${queues.reload} />` : html`<${NoQueues} />`}
      </section>`}
    <//>
    ${workers.problem?.status !== 403 && html`<section aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      <${Answer} live=${workers} rows=${2}>${({ items, next_cursor: more }) => html`
        <${WorkersAtWork} workers=${items} gone=${gone.data?.items ?? []} more=${more || gone.data?.next_cursor} />`}<//>
    </section>`}
    <section aria-labelledby="dead-title">
      <h2 id="dead-title">The newest tasks that died</h2>
      <${Answer} live=${dead} rows=${2}>${({ items }) => html`<${NewestDead} tasks=${items} />`}<//>
    </section>`;
}

function Totals({ queues }) {
  const sum = (state) => queues.reduce((total, queue) => total + queue.depth[state], 0);
  const dead = queues.reduce((total, queue) => total + queue.dead_letters, 0);
  const longest = queues.reduce((one, other) => (other.lag_seconds > one.lag_seconds ? other : one), { lag_seconds: 0 });
  const lag = longest.lag_seconds;
  return html`<dl class="totals">
    ${STATES.filter((state) => state !== 'orphaned' || sum(state) > 0).map((state) => html`<div class="total tone-${toneOf(state)}">
      <dt>${state === 'orphaned' ? titled(state) : html`<a href=${address('tasks', '', { status: state })}>${titled(state)}</a>`}</dt>
      <dd>${count(sum(state))}</dd>
    </div>`)}
    <div class="total tone-${toneOf('dead')}"><dt><a href=${address('dead-letters')}>Dead</a></dt><dd>${count(dead)}</dd></div>
    <div class="total ${lag > LATE_SECONDS ? 'late' : ''}"><dt>${lag > 0 ? html`<a href=${longestWaiting(longest)}>Longest wait</a>` : 'Longest wait'}</dt><dd>${duration(lag)}</dd></div>
  </dl>`;
}

function WorkersAtWork({ workers, gone, more }) {
  const rank = (worker) => HEALTHS.indexOf(worker.health);
  const sorted = [...workers, ...gone.slice(0, MOST_GONE)].sort((one, other) => rank(one) - rank(other)); // else newest first
  const shown = sorted.slice(0, MOST_WORKERS);
  const all = workers.length + gone.length;
  return html`<${WorkersTable} workers=${shown} />
    ${all > shown.length && html`<p class="quiet"><a href=${address('workers')}>All ${count(all)}${more && '+'} workers</a></p>`}`;
}

function NoQueues() {
  return html`<${Empty} title="No queue has tasks yet.">
    Enqueue one: <code>rowlock enqueue NAME --payload '{"…": …}'</code>, <code>POST /v1/tasks</code> or <code>SELECT rowlock.enqueue('NAME', '{}')</code>.
  <//>`;
}

function NewestDead({ tasks }) {
  if (tasks.length === 0) return html`<p class="quiet">None. Tasks come here when they are out of attempts or fail for good.</p>`;
  return html`<ul class="lines">${tasks.map((task) => html`<li key=${task.id}>
    <a href=${address('tasks', task.id)}>${task.name}</a>
    <span class="clip faint">${task.error ?? task.reason ?? ''}</span>
    <${Ago} at=${task.finished_at} />
  </li>`)}</ul>`;
}
