-- Gives back tasks that were claimed and never begun: they are ready at once, their attempt unspent and unrecorded.
-- Index: tasks_live's primary key. Locks: the rows given back; it waits for each no longer than lock_timeout.
-- Fence: lease_token beside the id.
UPDATE rowlock.tasks_live AS task
   SET status = 'pending', attempt = task.attempt - 1, visible_at = rowlock.clock(), lease_token = NULL,
       worker_id = NULL, lease_expires_at = NULL, lease_moved = NULL, reason = 'released'
 WHERE task.id = ANY (%(ids)s::uuid[])
   AND (task.lease_token IN (SELECT unnest(%(lease_tokens)s::bigint[]))) IS TRUE
   AND (SELECT set_config('lock_timeout', %(lock_timeout)s, true)) IS NOT NULL
RETURNING task.id
