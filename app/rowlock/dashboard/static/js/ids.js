// Ids of tasks, for requests that may be sent again: UUIDv7, as the server makes them. The browser's own `randomUUID` is
// there on secure addresses only.

import { now } from './clock.js';

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setBigUint64(0, (BigInt(now()) << 16n) | 0x7000n | BigInt((bytes[6] & 0x0f) << 8 | bytes[7]));
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
}
