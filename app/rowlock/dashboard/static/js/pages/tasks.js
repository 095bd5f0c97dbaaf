// Tasks by status, queue, name and tag, newest or oldest first; one by its id. The filters are the address, so that a view
// can be shared.

import { count, duration } from '../format.js';
import { useLive } from '../live.js';
import { Empty } from '../parts/answers.js';
import { Chip } from '../parts/chip.js';
import { FilterFields } from '../parts/filter_fields.js';
import { Heading } from '../parts/heading.js';
import { Paged, useCursors } from '../parts/pager.js';
import { Table } from '../parts/table.js';
import { Tags } from '../parts/tags.js';
import { Ago } from '../parts/time.js';
import { address, go } from '../router.js';
import { html } from '../view.js';

const STATUSES = ['blocked', 'scheduled', 'ready', 'running', 'retrying', 'succeeded', 'dead', 'cancelled'];
const FIELDS = ['queue', 'name', 'tag'];
const LINKED = { parent_id: 'children of', schedule_id: 'made by schedule' };
const FAILED = ['retrying', 'dead'];
const PAGE = 50;

export function Tasks({ query }) {
  const filters = Object.fromEntries(['status', ...FIELDS, ...Object.keys(LINKED), 'order'].map((name) => [name, query[name] ?? '']));
  const cursors = useCursors();
  const live = useLive('tasks', { ...filters, limit: PAGE, cursor: cursors.cursor }, { every: 3_000 });
  return html`
    <${Heading} title="Tasks" />
    <${Filters} filters=${filters} />
    <${Paged} live=${live} cursors=${cursors} rows=${8} ways=${filters.order === 'oldest' ? ['Older', 'Newer'] : undefined} empty=${html`<${NoTasks} filters=${filters} />`}>
      ${(tasks) => html`<${TaskTable} tasks=${tasks} errors=${FAILED.includes(filters.status)} />`}
    <//>`;
}

function Filters({ filters }) {
  return html`<div class="filters">
    <nav class="statuses" aria-label="Status">
      ${['', ...STATUSES].map((status) => html`<a href=${address('tasks', '', { ...filters, status })} aria-current=${filters.status === status ? 'true' : undefined}>
        ${status || 'all'}</a>`)}
    </nav>
    <${FilterFields} names=${['id', ...FIELDS]} filters=${{ ...filters, id: '' }} onChange=${({ id, ...changed }) => (id ? go('tasks', id) : go('tasks', '', { ...filters, ...changed }))} />
    ${Object.entries(LINKED).map(([name, words]) => filters[name] && html`<p key=${name} class="linked">
      ${words} <code>${filters[name]}</code> <a href=${address('tasks', '', { ...filters, [name]: '' })}>Show all</a>
    </p>`)}
    ${filters.order && html`<p class="linked">${filters.order} first <a href=${address('tasks', '', { ...filters, order: '' })}>Show the newest first</a></p>`}
  </div>`;
}

export function TaskTable({ tasks, errors }) {
  const columns = [
    { title: 'Status', kind: 'status', cell: (task) => html`<${Chip} word=${task.status} />` },
    { title: 'Task', kind: 'main', cell: (task) => html`<a href=${address('tasks', task.id)}>${task.name}</a> <${Tags} tags=${task.tags} />` },
    ...(errors ? [{ title: 'Error', kind: 'grow', cell: (task) => html`<span class="two-lines" title=${task.error}>${task.error ?? '–'}</span>` }] : []),
    { title: 'Queue', cell: (task) => html`<a class="calm" href=${address('tasks', '', { queue: task.queue })}>${task.queue}</a>` },
    { title: 'Priority', cell: (task) => html`<span class=${`priority-${task.priority}`}>${task.priority}</span>` },
    { title: 'Attempt', kind: 'number', cell: (task) => `${count(task.attempt)} / ${count(task.max_attempts)}` },
    { title: 'Waited', kind: 'number minor', cell: (task) => duration(task.wait_seconds) },
    { title: 'When', kind: 'number', cell: (task) => html`<${When} task=${task} />` },
    { title: 'Id', kind: 'minor', cell: (task) => html`<code class="faint" title=${task.id}>…${task.id.slice(-8)}</code>` },
  ];
  return html`<${Table} label="Tasks" columns=${columns} rows=${tasks} keyOf=${(task) => task.id} />`;
}

function When({ task }) {
  if (task.finished_at) return html`<${Ago} at=${task.finished_at} />`;
  if (['scheduled', 'retrying'].includes(task.status)) return html`<${Ago} at=${task.visible_at} />`;
  return html`<${Ago} at=${task.status === 'running' ? task.started_at : task.created_at} />`;
}

function NoTasks({ filters }) {
  const filtered = Object.values({ ...filters, order: '' }).some(Boolean);
  return filtered
    ? html`<${Empty} title="No task matches."><a href=${address('tasks')}>Show all tasks</a><//>`
    : html`<${Empty} title="There are no tasks yet.">Finished ones are kept for some days, then dropped.<//>`;
}
