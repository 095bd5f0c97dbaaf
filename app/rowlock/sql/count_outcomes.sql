-- How the attempts of one worker ended, counted by outcome; for tests that drain queues.
-- Index: none; a test's few rows. Locks: none. Fence: none; a read.
SELECT execution.outcome::text AS outcome, count(*) AS attempts
  FROM rowlock.executions AS execution
 WHERE execution.worker_id = %(worker_id)s
 GROUP BY 1
