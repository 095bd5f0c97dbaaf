// One schedule and the windows accounted for, latest first.

import { path } from '../api.js';
import { duration } from '../format.js';
import { useLive } from '../live.js';
import { Answer } from '../parts/answers.js';
import { Chip } from '../parts/chip.js';
import { Heading } from '../parts/heading.js';
import { JsonView } from '../parts/json_view.js';
import { Paged, useCursors } from '../parts/pager.js';
import { Table } from '../parts/table.js';
import { At } from '../parts/time.js';
import { address } from '../router.js';
import { html } from '../view.js';
import { Rule, ScheduleActs } from './schedules.js';

export function Schedule({ name }) {
  const live = useLive(path('schedules', name));
  return html`
    ${!live.data && html`<${Heading} title="Schedule" />`}
    <${Answer} live=${live} rows=${4}>${(schedule) => html`
    <${Heading} title=${schedule.name}><${ScheduleActs} schedule=${schedule} onChange=${live.reload} /><//>
    <p class="task-line"><${Chip} word=${schedule.paused ? 'paused' : 'active'} /> <${Rule} schedule=${schedule} /></p>
    <div class="task-columns">
      <div>
        <section aria-labelledby="windows-title">
          <h2 id="windows-title">Windows</h2>
          <${Windows} name=${name} />
        </section>
        <section aria-label="Payload"><${JsonView} label="Payload" value=${schedule.payload} /></section>
      </div>
      <aside aria-label="Facts"><${Facts} schedule=${schedule} /></aside>
    </div>`}
  <//>`;
}

function Facts({ schedule }) {
  const facts = [
    ['Next windows', schedule.next_windows.length > 0 && schedule.next_windows.map((at) => html`<div><${At} at=${at} zone=${schedule.timezone} /></div>`)],
    ['Cursor', html`<${At} at=${schedule.cursor_at} />`],
    ['Lag', duration(schedule.lag_seconds)],
    ['Missed runs', schedule.missed_run_policy.replaceAll('_', ' ')],
    ['Task', html`<a href=${address('tasks', '', { name: schedule.task_name })}>${schedule.task_name}</a>`],
    ['Queue', schedule.queue],
    ['Priority', schedule.priority],
    ['Zone', schedule.timezone],
    ['Paused', schedule.paused && html`<${At} at=${schedule.paused_at} /> ${schedule.paused_by && html`by <code>${schedule.paused_by}</code>`}`],
    ['Declared by', schedule.source],
    ['Its tasks', html`<a href=${address('tasks', '', { schedule_id: schedule.id })}>Show them</a>`],
  ].filter(([, value]) => value);
  return html`<dl class="facts">${facts.map(([title, value]) => html`<div><dt>${title}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function Windows({ name }) {
  const cursors = useCursors();
  const live = useLive(path('schedules', name, 'windows'), { limit: 20, cursor: cursors.cursor });
  const columns = [
    { title: 'Window', kind: 'main', cell: (window) => html`<${At} at=${window.window_at} />${window.passed_after && html`<div class="faint">and all since <${At} at=${window.passed_after} /></div>`}` },
    { title: 'Outcome', cell: (window) => html`<${Chip} word=${window.outcome} /> ${window.reason && html`<code class="faint">${window.reason}</code>`}` },
    { title: 'Task', cell: (window) => window.task_id ? html`<a href=${address('tasks', window.task_id)}><code>…${window.task_id.slice(-8)}</code></a>` : '–' },
  ];
  return html`<${Paged} live=${live} cursors=${cursors} rows=${3} empty=${html`<p class="quiet">None yet.</p>`}>
    ${(windows) => html`<${Table} label="Windows" columns=${columns} rows=${windows} keyOf=${(window) => window.window_at} />`}
  <//>`;
}
