-- A worker says goodbye; however late it does, its row has not run out by then, and so it does not count as gone.
-- Index: workers' primary key. Locks: its own row. Fence: none; only the worker itself writes it.
UPDATE rowlock.workers AS worker
   SET stopped_at = rowlock.clock(), expires_at = greatest(worker.expires_at, rowlock.clock()),
       running = 0, draining = true
 WHERE worker.id = %(worker_id)s
RETURNING worker.id
