-- Forgets workers that stopped long ago.
-- Index: workers is small. Locks: the rows forgotten. Fence: they have stopped.
DELETE FROM rowlock.workers AS worker
 WHERE worker.stopped_at < rowlock.clock() - make_interval(days => %(days)s)
RETURNING worker.id
