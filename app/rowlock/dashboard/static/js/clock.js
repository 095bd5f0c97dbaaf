// The server's clock decides how long ago something was, also where this machine's is wrong.

const TOLERATED_MS = 2_000; // the Date header knows no fractions, and the answer took its time

let ahead = 0;

export function learnTime(dateHeader) {
  const told = Date.parse(dateHeader ?? '');
  if (Number.isNaN(told)) return;
  const difference = told - Date.now();
  ahead = Math.abs(difference) > TOLERATED_MS ? difference : 0;
}

export function now() {
  return Date.now() + ahead;
}
