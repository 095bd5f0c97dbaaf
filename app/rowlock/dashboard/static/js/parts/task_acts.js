// What may be done to a task in the state it is in: cancel, redrive, change its priority.

import { patch, path, post } from '../api.js';
import { untick } from '../choice.js';
import { useMayWrite } from '../rights.js';
import { html, useEffect, useState } from '../view.js';
import { Act } from './act.js';

const PRIORITIES = ['critical', 'high', 'normal', 'low'];
const WAITING = ['blocked', 'scheduled', 'ready', 'retrying'];
const CANCELLED = { cancelled: 'The task is cancelled.', cancel_requested: 'The worker was asked to stop the task.' };

export function TaskActs({ task, onChange }) {
  const waiting = WAITING.includes(task.status);
  const mayWrite = useMayWrite();
  return html`
    ${waiting && mayWrite && html`<${PriorityChoice} task=${task} onChange=${onChange} />`}
    ${(waiting || task.status === 'running') && html`<${Cancel} task=${task} onChange=${onChange} />`}
    ${['dead', 'cancelled'].includes(task.status) && html`<${Redrive} task=${task} onChange=${onChange} />`}`;
}

function nameOf({ name, id }) {
  return `${name} …${id.slice(-8)}`;
}

// Set by a press: a closed select changes with every arrow key.
function PriorityChoice({ task, onChange }) {
  const [chosen, choose] = useState(task.priority);
  useEffect(() => choose(task.priority), [task.priority]);
  return html`<label class="choice"><span>Priority</span>
    <select value=${chosen} onChange=${(event) => choose(event.currentTarget.value)}>${PRIORITIES.map((name) => html`<option value=${name}>${name}</option>`)}</select>
  </label>
  <${Act} label="Set priority" disabled=${chosen === task.priority} onDone=${onChange}
    run=${() => patch(path('tasks', task.id), { priority: chosen }).then(() => `The task’s priority is ${chosen}.`)} />`;
}

function Cancel({ task, onChange }) {
  const question = {
    title: `Cancel ${nameOf(task)}?`,
    text: 'If it still waits, it will not run. If a worker has begun it, the worker will be asked to stop it, and what it has done already stays done.',
    verb: 'Cancel the task',
    danger: true,
  };
  return html`<${Act} label="Cancel" kind="danger" question=${question} onDone=${onChange}
    disabled=${Boolean(task.cancel_requested_at)}
    run=${() => post(path('tasks', task.id, 'cancel'), {}).then(({ status }) => CANCELLED[status])} />`;
}

function Redrive({ task, onChange }) {
  const question = {
    title: `Redrive ${nameOf(task)}?`,
    text: `It goes back to work at once, with ${task.max_attempts} attempts ahead of it.`,
    verb: 'Redrive the task',
  };
  return html`<${Act} label="Redrive" kind="primary" question=${question} onDone=${onChange}
    run=${() => post(path('tasks', task.id, 'redrive')).then(() => { untick([task.id]); return 'The task is back at work.'; })} />`;
}
