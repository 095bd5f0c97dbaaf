// Worker processes: who is at work, on what, and how each says it fares.

import { count } from '../format.js';
import { useLive } from '../live.js';
import { Empty } from '../parts/answers.js';
import { Chip } from '../parts/chip.js';
import { Heading } from '../parts/heading.js';
import { Meter } from '../parts/meters.js';
import { Paged, useCursors } from '../parts/pager.js';
import { Table } from '../parts/table.js';
import { Ago } from '../parts/time.js';
import { html } from '../view.js';

const PAGE = 50;

export function Workers() {
  const cursors = useCursors();
  const live = useLive('workers', { limit: PAGE, cursor: cursors.cursor });
  return html`
    <${Heading} title="Workers" />
    <${Paged} live=${live} cursors=${cursors} rows=${4} empty=${html`<${WorkersTable} workers=${[]} />`}>
      ${(workers) => html`<${WorkersTable} workers=${workers} />`}
    <//>`;
}

export function WorkersTable({ workers }) {
  if (workers.length === 0) {
    return html`<${Empty} title="No worker is registered.">Start one: <code>rowlock worker MODULE:app</code><//>`;
  }
  return html`<${Table} label="Workers" columns=${columns} rows=${workers} keyOf=${(worker) => worker.id} />`;
}

const columns = [
  { title: 'Worker', kind: 'main', cell: (worker) => html`${worker.name} <span class="faint">#${worker.id}</span>` },
  { title: 'Health', kind: 'wide', cell: (worker) => html`<${Chip} word=${worker.health} /> ${worker.draining && worker.health !== 'stopped' && html`<${Chip} word="draining" />`} ${worker.health_reason && html`<span class="faint">${worker.health_reason}</span>`}` },
  { title: 'Running', kind: 'number wide', cell: (worker) => html`${count(worker.running)} / ${count(worker.concurrency)} <${Meter} done=${worker.running} total=${worker.concurrency} label=${`Load of ${worker.name}`} />` },
  { title: 'Queues', kind: 'grow', cell: (worker) => worker.queues.join(', ') },
  { title: 'Heartbeat', kind: 'number', cell: (worker) => html`<${Ago} at=${worker.heartbeat_at} />` },
  { title: 'Up since', kind: 'number', cell: (worker) => html`<${Ago} at=${worker.started_at} />` },
  { title: 'Version', cell: (worker) => worker.version },
  { title: 'Process', kind: 'wide', cell: (worker) => html`<span class="faint">${worker.hostname}, pid ${worker.pid}</span>` },
];
