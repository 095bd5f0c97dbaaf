// pg-boss: batches of 500, two work loops, NOTIFY on, and no pause while batches come back full.

import { PgBoss } from "pg-boss";
import { Counter, Marks, URL, main, until } from "./verbs.mjs";

const NOOP = "noop";
const MARK = "mark";

function boss(options = {}) {
  const made = new PgBoss({ connectionString: URL, ...options });
  made.on("error", (error) => console.error(error));
  return made;
}

await main({
  async install() {
    const made = await boss({ supervise: false, schedule: false }).start();
    for (const queue of [NOOP, MARK]) await made.createQueue(queue, { notify: true });
    await made.stop();
  },

  async open() {
    this.boss = await boss({ supervise: false, schedule: false, migrate: false }).start();
  },

  async one(number) {
    await this.boss.send(MARK, { number });
  },

  async many(tasks) {
    await this.boss.insert(NOOP, Array.from({ length: tasks }, () => ({ data: null })));
  },

  async close() {
    await this.boss.stop({ graceful: false });
  },

  async work(signal) {
    const handled = new Counter();
    const marks = new Marks();
    const made = await boss({ useListenNotify: true, schedule: false, migrate: false }).start();
    const polling = { pollingIntervalSeconds: 0.5, burstWhenBatchFull: true };
    await made.work(NOOP, { batchSize: 500, localConcurrency: 2, ...polling }, async (jobs) => {
      handled.count += jobs.length;
    });
    await made.work(MARK, { batchSize: 500, localConcurrency: 2, ...polling }, async (jobs) => {
      for (const job of jobs) marks.begun(job.data.number);
      handled.count += jobs.length;
    });
    await until(signal);
    await made.stop();
    handled.close();
  },
});
