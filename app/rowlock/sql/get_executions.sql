-- The latest finished attempts of a task, latest first; `found` counts all of them.
-- Index: executions_task (block ranges) of each day since the task was made. Locks: none. Fence: none; a read.
SELECT execution.attempt, execution.outcome::text AS outcome, execution.started_at, execution.finished_at,
       execution.wait_seconds, execution.run_seconds, execution.worker_id, execution.lease_token, execution.reason,
       execution.error, execution.traceback, count(*) OVER () AS found
  FROM rowlock.executions AS execution
 WHERE execution.task_id = %(task_id)s AND execution.tenant_id = %(tenant_id)s
   AND execution.finished_on >= least(%(since)s::date, rowlock.execution_day())
 ORDER BY execution.lease_token DESC
 LIMIT %(limit)s
