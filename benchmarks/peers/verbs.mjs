// What each system's program can be told to do, for those in JavaScript: the verbs of benchmarks/harness/verbs.py.

import { openSync, readFileSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export const URL = process.env.BENCH_DATABASE_URL;
const WARM = 20;
const MARK_BYTES = 24;

// The number of tasks handled, or enqueued, in a file of eight bytes; written every 5 ms and at the end.
export class Counter {
  constructor() {
    this.count = 0;
    this.written = -1;
    this.file = process.env.BENCH_COUNTER ? openSync(process.env.BENCH_COUNTER, "w+", 0o600) : null;
    this.timer = setInterval(() => this.write(), 5);
  }

  write() {
    if (this.file === null || this.written === this.count) return;
    const raw = Buffer.alloc(8);
    raw.writeBigInt64LE(BigInt(this.count));
    writeSync(this.file, raw, 0, 8, 0);
    this.written = this.count;
  }

  close() {
    clearInterval(this.timer);
    this.write();
  }
}

export class Marks {
  constructor() {
    this.file = process.env.BENCH_MARKS ? openSync(process.env.BENCH_MARKS, "a", 0o600) : null;
  }

  add(number, first, second = 0n) {
    if (this.file === null) return;
    const raw = Buffer.alloc(MARK_BYTES);
    raw.writeBigInt64LE(BigInt(number), 0);
    raw.writeBigInt64LE(first, 8);
    raw.writeBigInt64LE(second, 16);
    writeSync(this.file, raw);
  }

  begun(number) {
    this.add(number, now());
  }
}

// Nanoseconds of the host's clock, to the microsecond.
export function now() {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

function counted(path) {
  try {
    const raw = readFileSync(path);
    return raw.length >= 8 ? Number(raw.readBigInt64LE(0)) : 0;
  } catch (error) {
    if (error.code === "ENOENT") return 0;
    throw error;
  }
}

async function told(work) {
  const began = performance.now();
  const spent = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(spent);
  console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000, cpu_seconds: (user + system) / 1e6 }));
}

const VERBS = {
  async bulk(subject, tasks, batch) {
    await told(async () => {
      for (let left = Number(tasks); left > 0; left -= batch) await subject.many(Math.min(Number(batch), left));
    });
  },

  async single(subject, tasks, pause) {
    const marks = new Marks();
    await told(async () => {
      for (let number = -WARM; number < Number(tasks); number += 1) {
        const asked = now();
        await subject.one(number);
        marks.add(number, asked, now());
        if (Number(pause)) await sleep(Number(pause) * 1000);
      }
    });
  },

  async churn(subject, rate, ceiling, batch, ...counters) {
    const stop = stoppedBySigterm();
    const produced = new Counter();
    const began = performance.now();
    const size = Number(batch);
    const due = () => Math.min(size, Math.floor(((performance.now() - began) / 1000) * Number(rate)) - produced.count);
    const room = () => {
      const waiting = produced.count - counters.reduce((sum, path) => sum + counted(path), 0);
      return waiting + size <= Number(ceiling);
    };
    while (!stop.aborted) {
      if (Number(rate) ? due() === size : room()) {
        await subject.many(size);
        produced.count += size;
      } else {
        await sleep(1);
      }
    }
    const rest = due();
    if (rest > 0) {
      await subject.many(rest);
      produced.count += rest;
    }
    produced.close();
  },
};

function stoppedBySigterm() {
  const controller = new AbortController();
  process.once("SIGTERM", () => controller.abort());
  return controller.signal;
}

export function until(signal) {
  return new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", resolve)));
}

export async function main(subject) {
  const [verb, ...rest] = process.argv.slice(2);
  if (verb === "install") {
    await subject.install();
  } else if (verb === "work") {
    await subject.work(stoppedBySigterm());
  } else {
    await subject.open();
    await VERBS[verb](subject, ...rest);
    await subject.close();
  }
  process.exit(0);
}
