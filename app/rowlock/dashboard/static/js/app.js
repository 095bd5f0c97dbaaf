// The frame around every page: the name, the ways, the refresh switch and the door out.

import { refreshing, useLive } from './live.js';
import { DeadLetters } from './pages/dead_letters.js';
import { Handlers } from './pages/handlers.js';
import { Lost } from './pages/lost.js';
import { Overview } from './pages/overview.js';
import { Schedule } from './pages/schedule.js';
import { Schedules } from './pages/schedules.js';
import { SignIn } from './pages/sign_in.js';
import { Task } from './pages/task.js';
import { Tasks } from './pages/tasks.js';
import { Workers } from './pages/workers.js';
import { Notices } from './parts/notices.js';
import { Question } from './parts/question.js';
import { learnRights, useMayWrite } from './rights.js';
import { address, usePlace } from './router.js';
import { startAtTop } from './scroll.js';
import { session, signOut } from './session.js';
import { useStore } from './store.js';
import { html, useEffect, useRef } from './view.js';

const WAYS = [
  ['', 'Overview'],
  ['tasks', 'Tasks'],
  ['dead-letters', 'Dead letters'],
  ['schedules', 'Schedules'],
  ['workers', 'Workers'],
  ['handlers', 'Handlers'],
];

export function App() {
  const { key, refusal } = useStore(session);
  if (!key) return html`<${SignIn} refusal=${refusal} />`;
  return html`<${Frame} key=${key} />`; // made anew for every key, with all that it shows
}

function Frame() {
  const place = usePlace();
  useFocusOnArrival(`${place.page}/${place.argument}`);
  useWayInSight(place.page);
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="bar">
      <div class="bar-inside">
        <a class="wordmark" href=${address('')}><span class="mark" aria-hidden="true"></span>rowlock</a>
        <nav class="ways" aria-label="Pages">
          ${WAYS.map(([page, title]) => html`<a href=${address(page)} aria-current=${place.page === page ? 'page' : undefined}>${title}</a>`)}
        </nav>
        <div class="bar-end"><${Tenant} /><${RefreshSwitch} /><button type="button" class="plain" onClick=${() => signOut()}>Sign out</button></div>
      </div>
    </header>
    <main id="main" tabindex="-1" key=${`${place.page}/${place.argument}`}>${pageAt(place)}</main>
    <${Notices} />
    <${Question} />`;
}

function pageAt({ page, argument, query }) {
  switch (page) {
    case '': return html`<${Overview} />`;
    case 'tasks': return argument ? html`<${Task} id=${argument} />` : html`<${Tasks} query=${query} />`;
    case 'dead-letters': return html`<${DeadLetters} query=${query} />`;
    case 'schedules': return argument ? html`<${Schedule} name=${argument} />` : html`<${Schedules} />`;
    case 'workers': return html`<${Workers} />`;
    case 'handlers': return html`<${Handlers} />`;
    default: return html`<${Lost} />`;
  }
}

// Whose tasks these are, and whether one may only look: keys look alike, and each stands for one tenant.
function Tenant() {
  const { data: key } = useLive('keys/present', {}, { every: 0 });
  const mayWrite = useMayWrite();
  useEffect(() => {
    if (key) learnRights(key);
  }, [key]);
  return key && html`<span class="tenant" title=${`Tenant ${key.tenant_id}, by the key ${key.name}`}>${key.tenant_id}</span>
    ${!mayWrite && html`<span class="scope" title="This key may look, not act.">read only</span>`}`;
}

function RefreshSwitch() {
  const on = useStore(refreshing);
  return html`<button type="button" class="refresh-switch ${on ? 'on' : ''}" onClick=${() => refreshing.set(!on)}>
    <span class="lamp" aria-hidden="true"></span>${on ? 'Refreshing' : 'Not refreshing'}
  </button>`;
}

// On a narrow screen the ways do not fit side by side; the one that was taken is to be seen.
function useWayInSight(page) {
  useEffect(() => {
    document.querySelector('.ways [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [page]);
}

// Another page takes the focus, for screen readers; the first one leaves it where it is.
function useFocusOnArrival(where) {
  const before = useRef(null);
  useEffect(() => {
    if (before.current !== null && before.current !== where) {
      document.getElementById('main').focus({ preventScroll: true });
      startAtTop();
    }
    before.current = where;
  }, [where]);
}

function skip(event) {
  event.preventDefault(); // the fragment is the route
  document.getElementById('main').focus();
}
