// Schedules: when each is due next, how late it is, and what its last window made.

import { path, post } from '../api.js';
import { duration } from '../format.js';
import { newId } from '../ids.js';
import { useLive } from '../live.js';
import { Act } from '../parts/act.js';
import { Empty } from '../parts/answers.js';
import { Chip } from '../parts/chip.js';
import { Heading } from '../parts/heading.js';
import { Paged, useCursors } from '../parts/pager.js';
import { Table } from '../parts/table.js';
import { Ago } from '../parts/time.js';
import { address } from '../router.js';
import { html } from '../view.js';

const LATE_SECONDS = 5;
const PAGE = 50;

export function Schedules() {
  const cursors = useCursors();
  const live = useLive('schedules', { limit: PAGE, cursor: cursors.cursor }, { every: 5_000 });
  return html`
    <${Heading} title="Schedules" />
    <${Paged} live=${live} cursors=${cursors} rows=${4} ways=${['Previous', 'Next']} empty=${html`<${NoSchedules} />`}>
      ${(schedules) => html`<${Table} label="Schedules" columns=${columns(live.reload)} rows=${schedules} keyOf=${(schedule) => schedule.name} />`}
    <//>`;
}

function columns(onChange) {
  return [
    { title: 'Schedule', kind: 'main', cell: (schedule) => html`<a href=${address('schedules', schedule.name)}>${schedule.name}</a> ${schedule.paused && html`<${Chip} word="paused" />`}` },
    { title: 'Rule', kind: 'grow', cell: (schedule) => html`<${Rule} schedule=${schedule} />` },
    { title: 'Task', kind: 'wide', cell: (schedule) => html`<a class="calm" href=${address('tasks', '', { name: schedule.task_name })}>${schedule.task_name}</a>` },
    { title: 'Missed runs', cell: (schedule) => schedule.missed_run_policy.replaceAll('_', ' ') },
    { title: 'Next', kind: 'number', cell: (schedule) => schedule.paused ? html`<span class="faint">–</span>` : html`<${Ago} at=${schedule.next_at} />` },
    { title: 'Lag', kind: 'number', cell: (schedule) => html`<span class=${schedule.lag_seconds > LATE_SECONDS ? 'late' : ''}>${duration(schedule.lag_seconds ?? 0)}</span>` },
    { title: 'Acts', kind: 'actions', cell: (schedule) => html`<${ScheduleActs} schedule=${schedule} onChange=${onChange} />` },
  ];
}

export function Rule({ schedule }) {
  const { trigger_kind: kind, expression, description, timezone } = schedule;
  if (kind === 'interval') return html`${description ?? `every ${expression} s`}`;
  return html`<code>${expression}</code> <span class="faint">${description ?? timezone}</span>`;
}

export function ScheduleActs({ schedule, onChange }) {
  const { name, paused } = schedule;
  const act = (verb) => post(path('schedules', name, verb));
  const trigger = { title: `Trigger ${name} now?`, text: `It makes one ${schedule.task_name} task at once, beside its windows.`, verb: 'Trigger it' };
  const pause = { title: `Pause ${name}?`, text: 'No window of it will fire until somebody resumes it.', verb: 'Pause it' };
  return html`<span class="acts">
    <${Act} label="Trigger" describe=${`Trigger ${name}`} question=${trigger} onDone=${onChange} run=${() => triggered(name).then(() => `${name} was triggered.`)} />
    ${paused
      ? html`<${Act} label="Resume" describe=${`Resume ${name}`} onDone=${onChange} run=${() => act('resume').then(() => `${name} is resumed.`)} />`
      : html`<${Act} label="Pause" describe=${`Pause ${name}`} question=${pause} onDone=${onChange} run=${() => act('pause').then(() => `${name} is paused.`)} />`}
  </span>`;
}

// Sent once more where no answer came: under one id there is one task.
function triggered(name) {
  const id = newId();
  const send = () => post(path('schedules', name, 'trigger'), { id });
  return send().catch((problem) => {
    if (problem.status === 0) return send();
    throw problem;
  });
}

function NoSchedules() {
  return html`<${Empty} title="There are no schedules.">
    Make one with <code>POST /v1/schedules</code> or in the application that owns the handler.
  <//>`;
}
