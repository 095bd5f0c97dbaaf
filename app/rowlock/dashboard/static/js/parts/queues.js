// Queues with their depth, lag and dead letters: those that hurt first, and of many the first few until one asks for all.

import { path, post } from '../api.js';
import { count, duration, plural, titled } from '../format.js';
import { address } from '../router.js';
import { html, useState } from '../view.js';
import { Act } from './act.js';
import { Chip } from './chip.js';
import { DepthBar } from './meters.js';
import { Table } from './table.js';
import { Ago } from './time.js';

// Orphaned: its lease has run out, and a claim takes it over within seconds.
export const STATES = ['ready', 'running', 'scheduled', 'retrying', 'blocked', 'orphaned'];
export const LATE_SECONDS = 60;
const SHOWN = 10;

export function Queues({ queues, onChange }) {
  const [all, setAll] = useState(false);
  const fullest = Math.max(...queues.map(depth));
  const sorted = [...queues].sort((one, other) => rank(one) - rank(other)); // otherwise by name, as they came
  const shown = all ? sorted : sorted.slice(0, SHOWN);
  const number = (state) => ({
    title: titled(state),
    kind: 'number',
    cell: (queue) => html`<a class=${queue.depth[state] ? '' : 'faint'} href=${address('tasks', '', { queue: queue.name, status: state })}>${count(queue.depth[state])}</a>`,
  });
  const columns = [
    { title: 'Queue', kind: 'main', cell: (queue) => html`<a href=${address('tasks', '', { queue: queue.name })}>${queue.name}</a> ${queue.paused && html`<${Paused} queue=${queue} />`}` },
    { title: 'Depth', kind: 'grow bare', cell: (queue) => html`<${DepthBar} fullest=${fullest} counts=${queue.depth} />` },
    ...['ready', 'running', 'scheduled', 'retrying', 'blocked'].map(number),
    { title: 'Lag', kind: 'number', cell: (queue) => html`<${Lag} queue=${queue} />` },
    { title: 'Dead', kind: 'number', cell: (queue) => html`<a class=${queue.dead_letters ? '' : 'faint'} href=${address('dead-letters', '', { queue: queue.name })}>${count(queue.dead_letters)}</a>` },
    { title: 'Workers', kind: 'number', cell: (queue) => html`<span class=${queue.workers === 0 && queue.depth.ready > 0 ? 'late' : ''}>${count(queue.workers)}</span>` },
    { title: 'Acts', kind: 'actions', cell: (queue) => html`<${QueueSwitch} queue=${queue} onChange=${onChange} />` },
  ];
  return html`
    <${Table} label="Queues" columns=${columns} rows=${shown} keyOf=${(queue) => queue.name} />
    ${shown.length < queues.length && html`<p class="quiet"><button type="button" class="plain" onClick=${() => setAll(true)}>Show all ${plural(queues.length, 'queue')}</button></p>`}`;
}

// What hurts first: late, with dead letters or paused, with tasks, empty. It changes seldom, so that rows stay in their places.
function rank(queue) {
  if (queue.lag_seconds > LATE_SECONDS) return 0;
  if (queue.dead_letters > 0 || queue.paused) return 1;
  return depth(queue) > 0 ? 2 : 3;
}

// Where the task stands that has waited longest: first, unless it was delayed or is tried again.
export function longestWaiting(queue) {
  return address('tasks', '', { queue: queue.name, status: 'ready', order: 'oldest' });
}

function Lag({ queue }) {
  if (!queue.lag_seconds) return duration(queue.lag_seconds);
  return html`<span class=${queue.lag_seconds > LATE_SECONDS ? 'late' : ''}><a href=${longestWaiting(queue)}>${duration(queue.lag_seconds)}</a></span>`;
}

function depth(queue) {
  return STATES.reduce((total, state) => total + queue.depth[state], 0);
}

function Paused({ queue }) {
  return html`<${Chip} word="paused" /> <span class="faint"><${Ago} at=${queue.paused_at} />${queue.paused_by && ` by ${queue.paused_by}`}</span>`;
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
