-- A worker says goodbye.
-- Index: workers' primary key. Locks: its own row. Fence: none; only the worker itself writes it.
UPDATE rowlock.workers AS worker
   SET stopped_at = rowlock.clock(), running = 0, draining = true
 WHERE worker.id = %(worker_id)s
RETURNING worker.id
