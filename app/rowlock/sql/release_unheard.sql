-- Gives back what claims of a worker took whose answers it never heard: nobody has begun it, so the attempt is unspent.
-- Index: tasks_live_running, which is read whole, once in a worker's life. Locks: the rows given back.
-- Fence: the worker's own id, and none of the leases that it knows of.
UPDATE rowlock.tasks_live AS task
   SET status = 'pending', attempt = task.attempt - 1, visible_at = rowlock.clock(), lease_token = NULL,
       worker_id = NULL, reason = 'released'
 WHERE task.status = 'running' AND task.worker_id = %(worker_id)s
   AND task.lease_token <> ALL (%(known_tokens)s::bigint[])
RETURNING task.id
