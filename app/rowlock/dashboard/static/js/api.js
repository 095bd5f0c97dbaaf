// The only way to the server: `/v1`, with the session's key. A refusal arrives as a `Problem`, never as silence.

import { learnTime } from './clock.js';
import { parseExactly } from './exact_json.js';
import { PATIENCE_MS, Patience } from './patience.js';
import { session, signOut } from './session.js';
import { unchangedOr } from './unchanged.js';

const BASE = new URL('v1/', document.baseURI);

export class Problem extends Error {
  constructor({ title, detail, status = 0, type = '', errors = [], requestId = null, retryAfter = 0 }) {
    super(detail || title);
    Object.assign(this, { title, detail, status, type, errors, requestId, retryAfter });
  }
}

export function get(path, query, { signal } = {}) {
  return request('GET', path, { query, signal });
}

export function post(path, body) {
  return request('POST', path, { body });
}

export function patch(path, body) {
  return request('PATCH', path, { body });
}

// A path from parts that may hold anything: slashes, dots, percent signs.
export function path(...parts) {
  return parts.map(encodeURIComponent).join('/');
}

// What was asked under one key is never answered under another: whoever asked has left with it.
function request(method, where, { query = {}, body, signal } = {}) {
  const { key } = session.get();
  const inUse = () => session.get().key === key;
  return new Promise((resolve, reject) => {
    const heard = (settle) => (outcome) => inUse() && settle(outcome);
    if (key) asked({ method, address: addressOf(where, query), key, body, signal, inUse }).then(heard(resolve), heard(reject));
  });
}

async function asked({ inUse, ...question }) {
  const { response, text } = await answered(question);
  learnTime(response.headers.get('date'));
  if (response.ok) return text ? parsed(text, response, question) : null;
  const problem = problemIn(text, response);
  if (response.status === 401 && inUse()) signOut(problem.message);
  throw problem;
}

function addressOf(where, query) {
  const address = new URL(where, BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') address.searchParams.append(name, value);
  }
  return address;
}

async function answered({ method, address, key, body, signal }) {
  const patience = new Patience();
  const headers = { Accept: 'application/json, application/problem+json', Authorization: `Bearer ${key}` };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  try {
    const response = await fetch(address, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, patience.signal]) : patience.signal,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
    });
    return { response, text: await patience.textOf(response) };
  } catch (error) {
    if (signal?.aborted) throw error;
    if (method !== 'GET') throw unknown();
    throw new Problem({
      title: 'The API cannot be reached',
      detail: patience.signal.aborted
        ? `Nothing has come from it for ${PATIENCE_MS / 1000} seconds.`
        : 'The API cannot be reached. Is it running, and is this machine on the network?',
    });
  } finally {
    patience.end();
  }
}

// The request may have arrived, and been done, whatever became of its answer.
function unknown() {
  return new Problem({
    title: 'No answer came',
    detail: 'No answer came, so it may have been done. Look before you do it again.',
  });
}

function parsed(text, response, { method, address }) {
  try {
    return method === 'GET' ? unchangedOr(parseExactly, address.href, text) : parseExactly(text);
  } catch {
    throw new Problem({ title: 'Unreadable answer', detail: 'The API’s answer is not JSON.', status: response.status });
  }
}

function problemIn(text, response) {
  const extras = {
    status: response.status,
    requestId: response.headers.get('x-request-id'),
    retryAfter: Number(response.headers.get('retry-after')) || 0,
  };
  try {
    const { title, detail, type, errors } = JSON.parse(text);
    return new Problem({ title: title ?? `HTTP ${response.status}`, detail, type, errors: errors ?? [], ...extras });
  } catch {
    return new Problem({ title: `HTTP ${response.status}`, detail: response.statusText, ...extras });
  }
}
