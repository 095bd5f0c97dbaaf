// The first look: what waits, what runs, what hurts, and whether anybody is at work.

import { path, post } from '../api.js';
import { count, duration, plural, titled } from '../format.js';
import { useLive } from '../live.js';
import { Act } from '../parts/act.js';
import { Answer, Empty } from '../parts/answers.js';
import { Chip, toneOf } from '../parts/chip.js';
import { Heading } from '../parts/heading.js';
import { DepthBar } from '../parts/meters.js';
import { Table } from '../parts/table.js';
import { Ago } from '../parts/time.js';
import { address } from '../router.js';
import { html } from '../view.js';
import { WorkersTable } from './workers.js';

// Orphaned: its lease has run out, and a claim takes it over within seconds.
const STATES = ['ready', 'running', 'scheduled', 'retrying', 'blocked', 'orphaned'];
const LATE_SECONDS = 60;
const MOST_WORKERS = 12;

export function Overview() {
  const queues = useLive('queues');
  const dead = useLive('dead-letters', { limit: 5 }, { every: 10_000 });
  const workers = useLive('workers', { limit: 200 }, { every: 5_000 });
  return html`
    <${Heading} title="Overview" />
    <${Answer} live=${queues} rows=${4}>${({ items }) => html`
      <${Totals} queues=${items} />
      <section aria-labelledby="queues-title">
        <h2 id="queues-title">Queues</h2>
        ${items.length ? html`<${Queues} queues=${items} onChange=${queues.reload} />` : html`<${NoQueues} />`}
      </section>`}
    <//>
    ${workers.problem?.status !== 403 && html`<section aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      <${Answer} live=${workers} rows=${2}>${({ items }) => html`<${WorkersAtWork} workers=${items} />`}<//>
    </section>`}
    <section aria-labelledby="dead-title">
      <h2 id="dead-title">Latest dead letters</h2>
      <${Answer} live=${dead} rows=${2}>${({ items }) => html`<${LatestDead} tasks=${items} />`}<//>
    </section>`;
}

function Totals({ queues }) {
  const sum = (state) => queues.reduce((total, queue) => total + queue.depth[state], 0);
  const lag = Math.max(0, ...queues.map((queue) => queue.lag_seconds ?? 0));
  return html`<dl class="totals">
    ${STATES.filter((state) => state !== 'orphaned' || sum(state) > 0).map((state) => html`<div class="total tone-${toneOf(state)}">
      <dt>${state === 'orphaned' ? titled(state) : html`<a href=${address('tasks', '', { status: state })}>${titled(state)}</a>`}</dt>
      <dd>${count(sum(state))}</dd>
    </div>`)}
    <div class="total ${lag > LATE_SECONDS ? 'late' : ''}"><dt>Longest wait</dt><dd>${duration(lag)}</dd></div>
  </dl>`;
}

function Queues({ queues, onChange }) {
  const depth = (queue) => STATES.reduce((total, state) => total + queue.depth[state], 0);
  const fullest = Math.max(...queues.map(depth));
  const number = (state) => ({
    title: titled(state),
    kind: 'number',
    cell: (queue) => html`<a class=${queue.depth[state] ? '' : 'faint'} href=${address('tasks', '', { queue: queue.name, status: state })}>${count(queue.depth[state])}</a>`,
  });
  const columns = [
    { title: 'Queue', kind: 'main', cell: (queue) => html`<a href=${address('tasks', '', { queue: queue.name })}>${queue.name}</a> ${queue.paused && html`<span title=${`by ${queue.paused_by}`}><${Chip} word="paused" /></span>`}` },
    { title: 'Depth', kind: 'grow bare', cell: (queue) => html`<${DepthBar} fullest=${fullest} counts=${queue.depth} />` },
    ...['ready', 'running', 'scheduled', 'retrying', 'blocked'].map(number),
    { title: 'Lag', kind: 'number', cell: (queue) => html`<span class=${queue.lag_seconds > LATE_SECONDS ? 'late' : ''}>${duration(queue.lag_seconds)}</span>` },
    { title: 'Dead', kind: 'number', cell: (queue) => html`<a class=${queue.dead_letters ? '' : 'faint'} href=${address('tasks', '', { queue: queue.name, status: 'dead' })}>${count(queue.dead_letters)}</a>` },
    { title: 'Workers', kind: 'number', cell: (queue) => html`<span class=${queue.workers === 0 && queue.depth.ready > 0 ? 'late' : ''}>${count(queue.workers)}</span>` },
    { title: 'Acts', kind: 'actions', cell: (queue) => html`<${QueueSwitch} queue=${queue} onChange=${onChange} />` },
  ];
  return html`<${Table} label="Queues" columns=${columns} rows=${queues} keyOf=${(queue) => queue.name} />`;
}

function QueueSwitch({ queue, onChange }) {
  if (queue.paused) {
    return html`<${Act} label="Resume" describe=${`Resume queue ${queue.name}`} onDone=${onChange}
      run=${() => post(path('queues', queue.name, 'resume')).then(() => `Queue ${queue.name} is resumed.`)} />`;
  }
  const question = {
    title: `Pause queue ${queue.name}?`,
    text: `No further task of it will be started until somebody resumes it. ${plural(queue.depth.running, 'running task')} will go on to the end.`,
    verb: 'Pause the queue',
  };
  return html`<${Act} label="Pause" describe=${`Pause queue ${queue.name}`} question=${question} onDone=${onChange}
    run=${() => post(path('queues', queue.name, 'pause')).then(() => `Queue ${queue.name} is paused.`)} />`;
}

function WorkersAtWork({ workers }) {
  const present = workers.filter((worker) => worker.health !== 'stopped');
  return html`<${WorkersTable} workers=${present.slice(0, MOST_WORKERS)} />
    ${present.length > MOST_WORKERS && html`<p class="quiet"><a href=${address('workers')}>All ${count(present.length)} workers</a></p>`}`;
}

function NoQueues() {
  return html`<${Empty} title="No queue has tasks yet.">
    Enqueue one: <code>rowlock enqueue NAME --payload '{"…": …}'</code>, <code>POST /v1/tasks</code> or <code>SELECT rowlock.enqueue('NAME', '{}')</code>.
  <//>`;
}

function LatestDead({ tasks }) {
  if (tasks.length === 0) return html`<p class="quiet">None. Tasks come here when they are out of attempts or fail for good.</p>`;
  return html`<ul class="lines">${tasks.map((task) => html`<li key=${task.id}>
    <a href=${address('tasks', task.id)}>${task.name}</a>
    <span class="clip faint">${task.error ?? task.reason ?? ''}</span>
    <${Ago} at=${task.finished_at} />
  </li>`)}</ul>`;
}
