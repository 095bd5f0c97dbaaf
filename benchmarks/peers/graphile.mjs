// Graphile Worker: concurrency 24, a local queue of 500, completions and failures batched without delay.

import { Logger, makeWorkerUtils, run, runMigrations } from "graphile-worker";
import pg from "pg";
import { Counter, Marks, URL, main, until } from "./verbs.mjs";

const logger = new Logger(() => (level, message) => level === "error" && console.error(message));
const preset = {
  worker: {
    concurrentJobs: 24,
    maxPoolSize: 10,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  },
};
const BULK = `SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(
  SELECT json_populate_recordset(NULL::graphile_worker.job_spec, $1::json)))`;

await main({
  async install() {
    await runMigrations({ connectionString: URL, logger });
  },

  async open() {
    this.utils = await makeWorkerUtils({ connectionString: URL, logger });
    this.client = new pg.Client({ connectionString: URL });
    await this.client.connect();
  },

  async one(number) {
    await this.utils.addJob("mark", { number });
  },

  async many(tasks) {
    await this.client.query(BULK, [JSON.stringify(Array.from({ length: tasks }, () => ({ identifier: "noop" })))]);
  },

  async close() {
    await this.utils.release();
    await this.client.end();
  },

  async work(signal) {
    const handled = new Counter();
    const marks = new Marks();
    const runner = await run({
      preset,
      connectionString: URL,
      logger,
      noHandleSignals: true,
      taskList: {
        noop: async () => {
          handled.count += 1;
        },
        mark: async ({ number }) => {
          marks.begun(number);
          handled.count += 1;
        },
      },
    });
    await until(signal);
    await runner.stop();
    handled.close();
  },
});
