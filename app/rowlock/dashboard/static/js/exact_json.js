// JSON as the API sent it: whole numbers beyond 2^53 keep all their digits, where the browser can tell them.

function keepDigits(_name, value, context) {
  const unsafe = typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '');
  return unsafe && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
}

export function parseExactly(text) {
  return JSON.parse(text, keepDigits);
}

// On one line.
export function written(value) {
  return JSON.stringify(value);
}

export function printed(value) {
  return JSON.stringify(value, null, 2);
}
