// Handlers that workers have registered, with their defaults and the shape of their payload.

import { count, duration } from '../format.js';
import { useLive } from '../live.js';
import { Answer, Empty } from '../parts/answers.js';
import { Heading } from '../parts/heading.js';
import { JsonView } from '../parts/json_view.js';
import { Table } from '../parts/table.js';
import { Ago } from '../parts/time.js';
import { address } from '../router.js';
import { html } from '../view.js';

export function Handlers() {
  const live = useLive('handlers', {}, { every: 10_000 });
  return html`
    <${Heading} title="Handlers" />
    <${Answer} live=${live} rows=${4} empty=${({ items }) => items.length === 0 && html`<${NoHandlers} />`}>
      ${({ items }) => html`<${Table} label="Handlers" columns=${columns} rows=${items} keyOf=${(handler) => handler.name} />`}
    <//>`;
}

const columns = [
  { title: 'Handler', kind: 'main', cell: (handler) => html`<a href=${address('tasks', '', { name: handler.name })}>${handler.name}</a>` },
  { title: 'What it does', kind: 'grow', cell: (handler) => html`${handler.description ?? ''}<${Shape} handler=${handler} />` },
  { title: 'Queue', cell: (handler) => handler.queue },
  { title: 'Priority', cell: (handler) => handler.priority },
  { title: 'Attempts', kind: 'number', cell: (handler) => count(handler.max_attempts) },
  { title: 'Timeout', kind: 'number', cell: (handler) => duration(handler.timeout_seconds) },
  { title: 'Runs in', cell: (handler) => handler.executor },
  { title: 'Seen', kind: 'number', cell: (handler) => html`<${Ago} at=${handler.seen_at} />` },
];

function Shape({ handler }) {
  if (!handler.payload_schema) return null;
  return html`<details><summary>Payload, version ${handler.payload_version}</summary><${JsonView} label="JSON Schema" value=${handler.payload_schema} /></details>`;
}

function NoHandlers() {
  return html`<${Empty} title="No handler is registered.">A worker registers its handlers when it starts.<//>`;
}
