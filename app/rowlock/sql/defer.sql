-- Leaves tasks to workers that have their handler and know their payload's version: this one has begun nothing, so the
-- attempt is unspent and unrecorded. What was left so before waits four times as long.
-- Index: tasks_live's primary key. Locks: the rows put back; it waits for each no longer than lock_timeout.
-- Fence: lease_token beside the id.
WITH deferred AS MATERIALIZED (
    SELECT said.id, said.lease_token, said.delay_seconds, said.reason
      FROM unnest(%(ids)s::uuid[], %(lease_tokens)s::bigint[], %(delay_seconds)s::double precision[],
                  %(reasons)s::text[]) AS said (id, lease_token, delay_seconds, reason)
     WHERE (SELECT set_config('lock_timeout', %(lock_timeout)s, true)) IS NOT NULL
)
UPDATE rowlock.tasks_live AS task
   SET status = 'pending',
       attempt = task.attempt - 1,
       visible_at = rowlock.clock() + make_interval(
           secs => CASE WHEN task.cancel_requested_at IS NOT NULL THEN 0
                        WHEN task.reason IN ('no_handler', 'unknown_version') THEN 4 * deferred.delay_seconds
                        ELSE deferred.delay_seconds END),
       lease_token = NULL,
       worker_id = NULL,
       lease_expires_at = NULL,
       lease_moved = NULL,
       reason = deferred.reason
  FROM deferred
 WHERE task.id = deferred.id AND task.lease_token = deferred.lease_token
RETURNING deferred.lease_token
