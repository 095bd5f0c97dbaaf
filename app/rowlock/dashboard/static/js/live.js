// Data that stays fresh: asked for again every few seconds, not while the tab is hidden or the reader has paused it.
// A failed refresh keeps what was shown, says what happened, and is tried again ever more slowly.

import { get } from './api.js';
import { store, useStore } from './store.js';
import { useCallback, useEffect, useRef, useState } from './view.js';

const USUAL_MS = 4_000;
const SLOWEST_MS = 30_000;
const NEVER = null;
const FINAL = [401, 403, 404]; // asking again would be answered the same

export const refreshing = store(true);

// → { data, problem, busy, reload }; `every` 0 asks until it is answered. Another `where` or `query` begins without data, for
// the old ones answer another question.
export function useLive(where, query = {}, { every = USUAL_MS } = {}) {
  const key = JSON.stringify([where, query]);
  const [state, setState] = useState(asked(key));
  const wanted = useStore(refreshing);
  const reloader = useRef(() => {});
  const pause = wanted || !every ? every : NEVER;
  const of = (before) => (before.key === key ? before : asked(key));

  useEffect(() => {
    const look = new Look(where, query, pause, (change) => setState((before) => ({ ...of(before), ...change })));
    reloader.current = look.now;
    look.start();
    return look.stop;
  }, [key, pause]);

  const reload = useCallback(() => reloader.current(), []);
  return { ...of(state), reload };
}

function asked(key) {
  return { key, data: undefined, problem: null, busy: true };
}

class Look {
  constructor(where, query, every, show) {
    Object.assign(this, { where, query, every, show, failures: 0, timer: 0, request: null, stopped: false });
  }

  start = () => {
    document.addEventListener('visibilitychange', this.seen);
    this.show({ busy: true });
    this.now();
  };

  stop = () => {
    this.stopped = true;
    document.removeEventListener('visibilitychange', this.seen);
    clearTimeout(this.timer);
    this.request?.abort();
  };

  seen = () => {
    if (!document.hidden && this.more) this.now();
  };

  now = async () => {
    clearTimeout(this.timer);
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    const answer = await get(this.where, this.query, request).then(
      (data) => ({ data, problem: null }),
      (problem) => ({ problem }),
    );
    if (this.stopped || request.signal.aborted) return;
    this.failures = answer.problem ? this.failures + 1 : 0;
    this.show({ ...answer, busy: false });
    this.again(answer.problem);
  };

  // Whether there is more to ask for than has been answered.
  get more() {
    return this.every > 0 || (this.every === 0 && this.failures > 0);
  }

  again(problem) {
    if (!this.more || document.hidden || FINAL.includes(problem?.status)) return;
    const slower = Math.min((this.every || USUAL_MS) * 2 ** this.failures, SLOWEST_MS);
    this.timer = setTimeout(this.now, Math.max(slower, (problem?.retryAfter ?? 0) * 1_000));
  }
}
