// The durable steps that a task has finished, latest first, with what each returned. A task without any shows nothing.

import { path } from '../api.js';
import { written } from '../exact_json.js';
import { duration } from '../format.js';
import { useLive } from '../live.js';
import { html } from '../view.js';
import { JsonView } from './json_view.js';
import { Paged, useCursors } from './pager.js';
import { Table } from './table.js';
import { Ago } from './time.js';

const ON_ONE_LINE = 60; // characters of a result that need no unfolding

export function Steps({ task, pace }) {
  const cursors = useCursors();
  const live = useLive(path('tasks', task.id, 'steps'), { limit: 20, cursor: cursors.cursor }, pace);
  if (cursors.page === 1 && !live.problem && !live.data?.items.length) return null;
  const columns = [
    { title: 'Step', kind: 'main', cell: (step) => label(step) },
    { title: 'Returned', kind: 'grow', cell: (step) => html`<${Result} step=${step} />` },
    { title: 'Attempt', kind: 'number', cell: (step) => step.attempt },
    { title: 'Ran', kind: 'number', cell: (step) => duration(step.run_seconds) },
    { title: 'Recorded', cell: (step) => html`<${Ago} at=${step.recorded_at} />` },
  ];
  return html`<section aria-labelledby="steps-title">
    <h2 id="steps-title">Steps</h2>
    <${Paged} live=${live} cursors=${cursors} rows=${2}>
      ${(steps) => html`<${Table} label="Steps" columns=${columns} rows=${steps} keyOf=${label} />`}
    <//>
  </section>`;
}

function Result({ step }) {
  const text = written(step.result);
  if (text.length <= ON_ONE_LINE) return html`<code>${text}</code>`;
  return html`<details class="step-result">
    <summary><code>${text.slice(0, ON_ONE_LINE)}…</code></summary>
    <${JsonView} label=${`Result of ${label(step)}`} value=${step.result} />
  </details>`;
}

function label({ name, occurrence }) {
  return occurrence === 1 ? name : `${name}#${occurrence}`;
}
