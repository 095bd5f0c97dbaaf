// Tasks that are out of attempts or failed for good: read why, mend the cause, put them back to work.

import { path, post } from '../api.js';
import { untick, useChoice } from '../choice.js';
import { count, plural } from '../format.js';
import { useLive } from '../live.js';
import { Act } from '../parts/act.js';
import { Empty } from '../parts/answers.js';
import { FilterFields } from '../parts/filter_fields.js';
import { Heading } from '../parts/heading.js';
import { Paged, useCursors } from '../parts/pager.js';
import { Table } from '../parts/table.js';
import { Ago } from '../parts/time.js';
import { useMayWrite } from '../rights.js';
import { address, go } from '../router.js';
import { html } from '../view.js';

const FIELDS = ['queue', 'name'];
const PAGE = 50;
const MOST_AT_ONCE = 10_000; // what the API takes in one request
const AT_ONCE = 6;

export function DeadLetters({ query }) {
  const filters = Object.fromEntries(FIELDS.map((name) => [name, query[name] ?? '']));
  const cursors = useCursors();
  const live = useLive('dead-letters', { ...filters, limit: PAGE, cursor: cursors.cursor }, { every: 6_000 });
  const shown = live.data?.items ?? [];
  const { chosen, choose } = useChoice(JSON.stringify(filters));
  const unseen = live.data ? chosen.filter((id) => !shown.some((task) => task.id === id)).length : 0;
  return html`
    <${Heading} title="Dead letters" note="Out of attempts, or failed for good. Mend the cause, then redrive.">
      ${unseen > 0 && html`<span class="faint">${count(chosen.length)} chosen, ${count(unseen)} not shown</span>
        <button type="button" class="plain" onClick=${() => untick(chosen)}>Choose none</button>`}
      <${RedriveAll} filters=${filters} disabled=${shown.length === 0 && cursors.page === 1} onRedriven=${() => untick(chosen)} onDone=${live.reload} />
      <${RedriveChosen} chosen=${chosen} unseen=${unseen} onDone=${live.reload} />
    <//>
    <div class="filters"><${FilterFields} names=${FIELDS} filters=${filters} onChange=${(changed) => go('dead-letters', '', changed)} /></div>
    <${Paged} live=${live} cursors=${cursors} rows=${6} empty=${html`<${Empty} title="No dead letters.">${filters.queue || filters.name ? 'None matches.' : 'Nothing has failed for good.'}<//>`}>
      ${(tasks) => html`<${Letters} tasks=${tasks} chosen=${chosen} choose=${choose} />`}
    <//>`;
}

function Letters({ tasks, chosen, choose }) {
  const all = tasks.every((task) => chosen.includes(task.id));
  const toggle = (ids, on) => choose((before) => [...before.filter((id) => !ids.includes(id)), ...(on ? ids : [])]);
  const mayWrite = useMayWrite();
  const toggleAll = () => toggle(tasks.map((task) => task.id), !all);
  const columns = [
    mayWrite && {
      title: 'Choose', kind: 'choose',
      head: html`<input type="checkbox" aria-label="Choose all on this page" checked=${all} onChange=${toggleAll} />`,
      cell: (task) => html`<input type="checkbox" aria-label=${`Choose ${task.name} ${task.id}`} checked=${chosen.includes(task.id)} onChange=${() => toggle([task.id], !chosen.includes(task.id))} />`,
    },
    { title: 'Task', kind: 'main', cell: (task) => html`<a href=${address('tasks', task.id)}>${task.name}</a>` },
    { title: 'Error', kind: 'grow', cell: (task) => html`<span class="two-lines" title=${task.error}>${task.error ?? '–'}</span>` },
    { title: 'Reason', kind: 'minor', cell: (task) => html`<code>${task.reason}</code>` },
    { title: 'Queue', cell: (task) => task.queue },
    { title: 'Attempts', kind: 'number', cell: (task) => count(task.attempt) },
    { title: 'Died', kind: 'number', cell: (task) => html`<${Ago} at=${task.finished_at} />` },
  ].filter(Boolean);
  return html`
    ${mayWrite && html`<label class="choose-all"><input type="checkbox" checked=${all} onChange=${toggleAll} /> Choose all on this page</label>`}
    <${Table} label="Dead letters" columns=${columns} rows=${tasks} keyOf=${(task) => task.id} />`;
}

function RedriveAll({ filters: { queue, name }, disabled, onRedriven, onDone }) {
  const which = [name && `of handler ${name}`, queue && `in queue ${queue}`].filter(Boolean).join(' ');
  const question = {
    title: `Redrive all dead letters${which && ` ${which}`}?`,
    text: `Those on other pages too, the oldest ${count(MOST_AT_ONCE)} at most. They go back to work at once, with all their attempts ahead of them.`,
    verb: 'Redrive all',
    danger: true,
  };
  const body = { queue: queue || null, name: name || null, limit: MOST_AT_ONCE };
  return html`<${Act} label="Redrive all" disabled=${disabled} question=${question} onDone=${onDone}
    run=${() => post('dead-letters/redrive', body).then(({ redriven }) => { onRedriven(); return backAtWork(redriven); })} />`;
}

function backAtWork(number) {
  return `${plural(number, 'task')} ${number === 1 ? 'is' : 'are'} back at work.`;
}

function RedriveChosen({ chosen, unseen, onDone }) {
  const question = {
    title: `Redrive ${plural(chosen.length, 'dead letter')}?`,
    text: `${unseen ? `${count(unseen)} of them ${unseen === 1 ? 'is' : 'are'} not on this page. ` : ''}They go back to work at once, with all their attempts ahead of them.`,
    verb: `Redrive ${count(chosen.length)}`,
  };
  return html`<${Act} label=${chosen.length ? `Redrive ${count(chosen.length)}` : 'Redrive chosen'} kind="primary" disabled=${chosen.length === 0}
    question=${question} run=${() => redriveAll(chosen)} onDone=${onDone} />`;
}

// Each by itself, a few at a time: one that cannot be redriven any more does not hold up the others, and stays chosen. Where
// the key may not do it, the others are not tried.
async function redriveAll(ids) {
  const waiting = [...ids];
  const redriven = [];
  const problems = [];
  async function work() {
    for (let id = waiting.shift(); id; id = waiting.shift()) {
      await post(path('tasks', id, 'redrive')).then(() => redriven.push(id), (problem) => {
        problems.push(problem);
        if (problem.status === 403) waiting.length = 0;
      });
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  untick(redriven);
  if (problems.length) throw new Error(`${count(ids.length - redriven.length)} of ${count(ids.length)} without success: ${problems[0].message}`);
  return backAtWork(ids.length);
}
