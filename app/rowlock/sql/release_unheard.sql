-- Gives back what claims of a worker took whose answers it never heard: nobody has begun it, so the attempt is unspent.
-- Index: none; reads tasks_live, at the end of a worker that had trouble with a claim. Locks: the rows given back.
-- Fence: the worker's own id, and none of the leases that it knows of.
UPDATE rowlock.tasks_live AS task
   SET status = 'pending', attempt = task.attempt - 1, visible_at = rowlock.clock(), lease_token = NULL,
       worker_id = NULL, lease_expires_at = NULL, lease_moved = NULL, reason = 'released'
 WHERE task.status = 'running' AND task.worker_id = %(worker_id)s
   AND task.lease_token <> ALL (%(known_tokens)s::bigint[])
RETURNING task.id
