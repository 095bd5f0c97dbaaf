-- Keeps what a running handler says of its progress.
-- Index: tasks_live's primary key. Locks: the row, for which it waits no longer than lock_timeout.
-- Fence: lease_token beside the id; no row means that the lease is lost.
UPDATE rowlock.tasks_live AS task
   SET progress = %(progress)s::jsonb
 WHERE task.id = %(id)s AND task.lease_token = %(lease_token)s
   AND (SELECT set_config('lock_timeout', %(lock_timeout)s, true)) IS NOT NULL
RETURNING task.cancel_requested_at IS NOT NULL AS cancel_requested
