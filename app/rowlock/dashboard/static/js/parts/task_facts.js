// Every field of a task that has something to say.

import { count, duration } from '../format.js';
import { address } from '../router.js';
import { html } from '../view.js';
import { Tags } from './tags.js';
import { At } from './time.js';

export function TaskFacts({ task }) {
  const facts = [
    ['Queue', html`<a href=${address('tasks', '', { queue: task.queue })}>${task.queue}</a>`],
    ['Priority', task.priority],
    ['Attempts', `${count(task.attempt)} of ${count(task.max_attempts)}`],
    ['Timeout', task.timeout_seconds && duration(task.timeout_seconds)],
    ['Deadline', task.deadline_at && html`<${At} at=${task.deadline_at} />`],
    ['Created', html`<${At} at=${task.created_at} />`],
    ['Runs at', !task.finished_at && task.status !== 'running' && task.visible_at && html`<${At} at=${task.visible_at} />`],
    ['Started', task.started_at && html`<${At} at=${task.started_at} />`],
    ['Finished', task.finished_at && html`<${At} at=${task.finished_at} />`],
    ['Waited', task.wait_seconds != null && duration(task.wait_seconds)],
    ['Cancel asked', task.cancel_requested_at && html`<${At} at=${task.cancel_requested_at} />`],
    ['Reason', task.reason && html`<code>${task.reason}</code>`],
    ['Error', task.error && html`<span class="bad">${task.error}</span>`],
    ['Worker', task.worker_id],
    ['Tags', task.tags?.length > 0 && html`<${Tags} tags=${task.tags} />`],
    ['Parent', task.parent_id && html`<a href=${address('tasks', task.parent_id)}><code>${task.parent_id}</code></a>`],
    ['Workflow', task.workflow_id && task.workflow_id !== task.id && html`<a href=${address('tasks', task.workflow_id)}><code>${task.workflow_id}</code></a>`],
    ['Schedule', task.schedule_id && html`<a href=${address('tasks', '', { schedule_id: task.schedule_id })}><code>${task.schedule_id}</code></a>`],
    ['Window', task.window_at && html`<${At} at=${task.window_at} />`],
    ['Unique key', task.unique_key && html`<code>${task.unique_key}</code>`],
    ['Idempotency key', task.idempotency_key && html`<code>${task.idempotency_key}</code>`],
    ['Flow key', task.flow_key && html`<code>${task.flow_key}</code>`],
    ['Payload version', task.payload_version],
    ['Kept until', task.expires_on],
  ].filter(([, value]) => value);
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
