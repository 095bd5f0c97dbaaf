// The latest answers: one whose text is still the same stays the same value, so that nothing is read or drawn anew.

import { session } from './session.js';

const MOST = 8; // more than one page asks for

const latest = new Map(); // by address, the one longest unasked first

session.follow(() => latest.clear());

export function unchangedOr(read, address, text) {
  const before = latest.get(address);
  const value = before?.text === text ? before.value : read(text);
  latest.delete(address);
  latest.set(address, { text, value });
  if (latest.size > MOST) latest.delete(latest.keys().next().value);
  return value;
}
