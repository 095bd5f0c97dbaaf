// How numbers and spans of time are written: short, in tabular figures, the same everywhere.

const whole = new Intl.NumberFormat('en');
const EXACTLY = {
  year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short',
};
const moment = new Intl.DateTimeFormat(undefined, EXACTLY);

const PARTS = [['d', 86_400], ['h', 3_600], ['m', 60]];

export function count(number) {
  return whole.format(number ?? 0);
}

// Seconds as `0.8 ms`, `12 ms`, `3.4 s`, `2 m 05 s`, `3 h 12 m`, `9 d 4 h`.
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  if (seconds < 0.001) return seconds <= 0 ? '0 s' : '< 1 ms';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const [unit, size] = PARTS.find(([, limit]) => seconds >= limit);
  const [lower, step] = PARTS[PARTS.findIndex(([name]) => name === unit) + 1] ?? ['s', 1];
  const rest = String(Math.floor((seconds % size) / step)).padStart(2, '0');
  return `${whole.format(Math.floor(seconds / size))} ${unit} ${rest} ${lower}`;
}

// A span in one unit, for `… ago` and `in …`.
export function roughly(seconds) {
  const [unit, size] = PARTS.find(([, limit]) => seconds >= limit) ?? ['s', 1];
  return `${whole.format(Math.floor(seconds / size))} ${unit}`;
}

export function dateTime(iso) {
  return moment.format(new Date(iso));
}

// On the clocks of a zone; null where the browser does not know it.
export function dateTimeIn(zone, iso) {
  try {
    return new Intl.DateTimeFormat(undefined, { ...EXACTLY, timeZone: zone }).format(new Date(iso));
  } catch {
    return null;
  }
}

// A state's word at the head of a line or a column.
export function titled(word) {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}
