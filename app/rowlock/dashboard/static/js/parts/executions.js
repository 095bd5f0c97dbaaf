// The attempts of a task, latest first, with what went wrong.

import { duration, plural } from '../format.js';
import { html, useState } from '../view.js';
import { Chip, toneOf } from './chip.js';
import { At, Ago } from './time.js';

const SHOWN = 5;

export function Executions({ task, executions }) {
  const [all, setAll] = useState(false);
  const running = task.status === 'running';
  const latest = [...executions].reverse();
  const shown = all ? latest : latest.slice(0, SHOWN);
  if (!running && executions.length === 0) return html`<p class="quiet">No attempt has ended yet.</p>`;
  return html`
  <ol class="timeline">
    ${running && html`<li class="attempt tone-running" key="running">
      <p class="attempt-head"><strong>Attempt ${task.attempt}</strong> <${Chip} word="running" /> <span class="faint">on worker ${task.worker_id}, started <${Ago} at=${task.started_at} /></span></p>
    </li>`}
    ${shown.map((execution) => html`<${Execution} key=${execution.lease_token ?? `${execution.attempt}/${execution.finished_at}`} execution=${execution} />`)}
  </ol>
  ${shown.length < latest.length && html`<button type="button" class="plain" onClick=${() => setAll(true)}>Show all ${plural(latest.length, 'attempt')}</button>`}`;
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
