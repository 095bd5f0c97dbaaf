// One schedule: what became of its latest window and why, and the windows accounted for, latest first.

import { path } from '../api.js';
import { count, duration } from '../format.js';
import { useLive } from '../live.js';
import { Answer } from '../parts/answers.js';
import { Chip } from '../parts/chip.js';
import { Heading } from '../parts/heading.js';
import { JsonView } from '../parts/json_view.js';
import { Paged, useCursors } from '../parts/pager.js';
import { Reasons } from '../parts/reasons.js';
import { Table } from '../parts/table.js';
import { At } from '../parts/time.js';
import { address } from '../router.js';
import { html, useState } from '../view.js';
import { Rule, ScheduleActs } from './schedules.js';

export function Schedule({ name }) {
  const live = useLive(path('schedules', name));
  const why = useLive(path('schedules', name, 'explain'));
  return html`
    ${!live.data && html`<${Heading} title="Schedule" />`}
    <${Answer} live=${live} rows=${4}>${(schedule) => html`
    <${Heading} title=${schedule.name}><${ScheduleActs} schedule=${schedule} onChange=${() => [live, why].forEach(({ reload }) => reload())} /><//>
    <p class="task-line"><${Chip} word=${schedule.paused ? 'paused' : 'active'} /> <${Rule} schedule=${schedule} /></p>
    <div class="task-columns">
      <div>
        <section aria-labelledby="why-title">
          <h2 id="why-title">How it stands</h2>
          <${Answer} live=${why} rows=${1}>${(explained) => html`
            <p class="quiet">The window of <${At} at=${explained.window_at} /></p>
            <${Reasons} reasons=${[explained]} />`}
          <//>
        </section>
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
    ['Catches up', catchingUp(schedule)],
    ['Misfire grace', duration(schedule.misfire_grace_seconds)],
    ['Overlap', schedule.overlap_policy.replaceAll('_', ' ')],
    ['Jitter', schedule.jitter_seconds > 0 && `up to ${duration(schedule.jitter_seconds)}`],
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

function catchingUp({ missed_run_policy: policy, max_catch_up: most, catch_up_window_seconds: reach }) {
  return policy === 'catch_up' && `the newest ${count(most)}${reach ? ` of the last ${duration(reach)}` : ''}`;
}

function Windows({ name }) {
  const cursors = useCursors();
  const live = useLive(path('schedules', name, 'windows'), { limit: 20, cursor: cursors.cursor });
  const columns = [
    { title: 'Window', kind: 'main', cell: (window) => html`<${At} at=${window.window_at} />${window.passed_after && html`<div class="faint">and all since <${At} at=${window.passed_after} /></div>`}` },
    { title: 'Outcome', cell: (window) => html`<${Chip} word=${window.outcome} /> ${window.reason && html`<code class="faint">${window.reason}</code>`}` },
    { title: 'Task', cell: (window) => window.task_id ? html`<a href=${address('tasks', window.task_id)}><code>…${window.task_id.slice(-8)}</code></a>` : '–' },
    { title: 'Why', kind: 'grow bare', cell: (window) => html`<${Why} name=${name} at=${window.window_at} />` },
  ];
  return html`<${Paged} live=${live} cursors=${cursors} rows=${3} empty=${html`<p class="quiet">None yet.</p>`}>
    ${(windows) => html`<${Table} label="Windows" columns=${columns} rows=${windows} keyOf=${(window) => window.window_at} />`}
  <//>`;
}

// Asked for whenever it is unfolded.
function Why({ name, at }) {
  const [open, setOpen] = useState(false);
  return html`<details onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>Why</summary>
    ${open && html`<${Explained} name=${name} at=${at} />`}
  </details>`;
}

function Explained({ name, at }) {
  const live = useLive(path('schedules', name, 'explain'), { window: at }, { every: 0 });
  return html`<${Answer} live=${live} rows=${1}>${(explained) => html`<${Reasons} reasons=${[explained]} />`}<//>`;
}
