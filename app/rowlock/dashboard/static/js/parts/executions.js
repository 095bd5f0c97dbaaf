// The attempts of a task, latest first, with what went wrong. They are asked for when the task says that there may be more.

import { path } from '../api.js';
import { duration, plural } from '../format.js';
import { useLive } from '../live.js';
import { html, useEffect, useRef, useState } from '../view.js';
import { Answer } from './answers.js';
import { Chip, toneOf } from './chip.js';
import { At, Ago } from './time.js';

const SHOWN = 5;

export function Executions({ task }) {
  const [all, setAll] = useState(false);
  const live = useLive(path('tasks', task.id, 'executions'), all ? {} : { limit: SHOWN }, { every: 0 });
  useChange(`${task.status} ${task.attempt} ${task.started_at}`, live.reload);
  return html`<${Answer} live=${live} rows=${2}>
    ${(page) => html`<${Timeline} task=${task} page=${page} onAll=${!all && (() => setAll(true))} />`}
  <//>`;
}

// Calls `act` when `state` is another than before.
function useChange(state, act) {
  const before = useRef(state);
  useEffect(() => {
    if (before.current !== state) act();
    before.current = state;
  }, [state]);
}

function Timeline({ task, page: { items, earlier }, onAll }) {
  const running = task.status === 'running';
  if (!running && items.length === 0) return html`<p class="quiet">No attempt has ended yet.</p>`;
  return html`
  <ol class="timeline">
    ${running && html`<li class="attempt tone-running" key="running">
      <p class="attempt-head"><strong>Attempt ${task.attempt}</strong> <${Chip} word="running" /> <span class="faint">on worker ${task.worker_id}, started <${Ago} at=${task.started_at} /></span></p>
    </li>`}
    ${[...items].reverse().map((execution) => html`<${Execution} key=${execution.lease_token ?? `${execution.attempt}/${execution.finished_at}`} execution=${execution} />`)}
  </ol>
  ${earlier > 0 && (onAll
    ? html`<button type="button" class="plain" onClick=${onAll}>Show all ${plural(items.length + earlier, 'attempt')}</button>`
    : html`<p class="quiet">${plural(earlier, 'earlier attempt')} ${earlier === 1 ? 'is' : 'are'} not shown.</p>`)}`;
}

function Execution({ execution }) {
  const { attempt, outcome, reason, error, traceback } = execution;
  return html`<li class="attempt tone-${toneOf(outcome)}">
    <p class="attempt-head">
      <strong>Attempt ${attempt}</strong> <${Chip} word=${outcome} />
      ${reason && reason !== outcome && html`<code class="faint">${reason}</code>`}
    </p>
    <p class="faint figures">
      ended <${At} at=${execution.finished_at} />, waited ${duration(execution.wait_seconds)}, ran ${duration(execution.run_seconds)}, worker ${execution.worker_id}
    </p>
    ${error && html`<p class="attempt-error">${error}</p>`}
    ${traceback && html`<details><summary>Traceback</summary><pre tabindex="0">${traceback}</pre></details>`}
  </li>`;
}
