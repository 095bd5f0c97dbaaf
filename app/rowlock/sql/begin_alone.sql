-- Notes that an attempt begins with nothing beside it in its worker, so that a crash of the worker is laid to it.
-- Index: tasks_live's primary key. Locks: the row, for which it waits no longer than lock_timeout.
-- Fence: lease_token beside the id; no row means that the lease is lost.
UPDATE rowlock.tasks_live AS task
   SET alone_token = task.lease_token
 WHERE task.id = %(id)s AND task.lease_token = %(lease_token)s
   AND (SELECT set_config('lock_timeout', %(lock_timeout)s, true)) IS NOT NULL
RETURNING task.lease_token
