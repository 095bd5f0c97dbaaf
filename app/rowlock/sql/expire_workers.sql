-- Marks workers whose rows ran out as gone and makes what they held claimable at once, instead of at its lease's end; but
-- for what was claimed in its place lately, whose leases end about now by themselves. Nobody drains any more, which tells
-- the mark from a goodbye.
-- Index: workers is small; tasks_live_moved. Locks: those rows, skipping others'. Fence: the worker's row has run out
-- by the database's clock; a worker that wakes up later holds leases that the next claim takes over.
WITH gone AS MATERIALIZED (
    UPDATE rowlock.workers AS worker
       SET stopped_at = rowlock.clock(), running = 0, draining = false
     WHERE worker.id IN (
            SELECT silent.id FROM rowlock.workers AS silent
             WHERE silent.stopped_at IS NULL AND silent.expires_at < rowlock.clock()
             LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    RETURNING worker.id, worker.claims_in_place
), held AS MATERIALIZED (
    SELECT task.ctid AS place
      FROM rowlock.tasks_live AS task
     WHERE task.lease_moved AND task.status = 'running' AND task.worker_id IN (SELECT gone.id FROM gone)
       AND task.visible_at > rowlock.clock()
       FOR UPDATE SKIP LOCKED
), returned AS (
    UPDATE rowlock.tasks_live AS task
       SET visible_at = rowlock.clock(), lease_expires_at = rowlock.clock()
     WHERE task.ctid = ANY (ARRAY(SELECT held.place FROM held))
    RETURNING task.worker_id, task.queue
), woken AS MATERIALIZED (
    SELECT pg_notify(rowlock.wake_channel(), touched.queue)
      FROM (SELECT DISTINCT returned.queue FROM returned) AS touched
)
SELECT gone.id AS worker_id, count(returned.worker_id) AS tasks, gone.claims_in_place AS in_place
  FROM gone
  LEFT JOIN returned ON returned.worker_id = gone.id
 CROSS JOIN (SELECT count(*) FROM woken) AS told  -- not LEFT JOIN: the planner would drop what adds nothing, and wake nobody
 GROUP BY gone.id, gone.claims_in_place
