// One task: what it is, why it is where it is, how its attempts went, and what may be done about it.

import { path } from '../api.js';
import { count } from '../format.js';
import { useLive } from '../live.js';
import { Answer } from '../parts/answers.js';
import { Chip } from '../parts/chip.js';
import { Executions } from '../parts/executions.js';
import { Heading } from '../parts/heading.js';
import { JsonView, copy } from '../parts/json_view.js';
import { DepthBar, Meter } from '../parts/meters.js';
import { Reasons } from '../parts/reasons.js';
import { Steps } from '../parts/steps.js';
import { TaskActs } from '../parts/task_acts.js';
import { TaskFacts } from '../parts/task_facts.js';
import { address } from '../router.js';
import { html, useEffect, useState } from '../view.js';

// From what is done to what is not.
const CHILDREN = ['succeeded', 'cancelled', 'dead', 'running', 'ready', 'retrying', 'scheduled', 'blocked'];
const FINISHED = ['succeeded', 'dead', 'cancelled'];
const OFTEN = { every: 2_000 };
const SELDOM = { every: 15_000 };
const paceAt = (status) => (FINISHED.includes(status) ? SELDOM : OFTEN);

export function Task({ id }) {
  const [pace, setPace] = useState(OFTEN);
  const live = useLive(path('tasks', id), {}, pace);
  const status = live.data?.status;
  useEffect(() => setPace(paceAt(status)), [status]);
  return html`
    ${!live.data && html`<${Heading} title="Task" />`}
    <${Answer} live=${live} rows=${6}>${(task) => html`<${Found} key=${task.id} task=${task} onChange=${live.reload} />`}<//>`;
}

function Found({ task, onChange }) {
  const pace = paceAt(task.status);
  const reasons = useLive(path('tasks', task.id, 'explain'), {}, pace);
  const children = useLive(path('tasks', task.id, 'children'), {}, { every: 5_000 });
  return html`
    <${Heading} title=${task.name}>
      <${TaskActs} task=${task} onChange=${() => [onChange, reasons.reload].forEach((reload) => reload())} />
    <//>
    <p class="task-line">
      <${Chip} word=${task.status} />
      <code class="task-id">${task.id}</code>
      <button type="button" class="plain" onClick=${() => copy(task.id, 'Id')}>Copy</button>
    </p>
    ${task.progress && html`<${Progress} progress=${task.progress} />`}
    <div class="task-columns">
      <div>
        <section aria-labelledby="why-title">
          <h2 id="why-title">${task.status === 'running' ? 'What it is doing' : FINISHED.includes(task.status) ? 'How it ended' : 'Why it waits'}</h2>
          <${Answer} live=${reasons} rows=${1}>${({ items }) => html`<${Reasons} reasons=${items} />`}<//>
        </section>
        ${children.data?.total > 0 && html`<${Children} id=${task.id} counts=${children.data} />`}
        <section aria-labelledby="attempts-title">
          <h2 id="attempts-title">Attempts</h2>
          <${Executions} task=${task} />
        </section>
        <${Steps} task=${task} pace=${pace} />
        <section aria-labelledby="data-title">
          <h2 id="data-title">Data</h2>
          <${JsonView} label="Payload" value=${task.payload} />
          ${task.status === 'succeeded' && html`<${JsonView} label="Result" value=${task.result} />`}
          ${task.metadata && Object.keys(task.metadata).length > 0 && html`<${JsonView} label="Metadata" value=${task.metadata} />`}
        </section>
      </div>
      <aside aria-label="Facts"><${TaskFacts} task=${task} /></aside>
    </div>`;
}

function Progress({ progress }) {
  const { done, total, message } = progress;
  return html`<div class="progress">
    ${total > 0 && html`<${Meter} done=${done} total=${total} label="Progress" />`}
    <span class="figures">${count(done)}${total ? ` of ${count(total)}` : ''}</span>
    ${message && html`<span class="faint clip">${message}</span>`}
  </div>`;
}

function Children({ id, counts: { total, by_status: found } }) {
  const counts = Object.fromEntries(CHILDREN.filter((status) => found[status] > 0).map((status) => [status, found[status]]));
  return html`<section aria-labelledby="children-title">
    <h2 id="children-title"><a href=${address('tasks', '', { parent_id: id })}>${count(total)} children</a></h2>
    <div class="children">
      <${DepthBar} counts=${counts} fullest=${total} />
      <p>${Object.entries(counts).map(([status, number]) => html`<a class="calm" href=${address('tasks', '', { parent_id: id, status })}>${count(number)} ${status}</a>`)}</p>
    </div>
  </section>`;
}
