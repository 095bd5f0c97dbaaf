-- Stores tasks on a caller's own connection under ids that he has chosen, all or none, by the SQL function that every language
-- uses: it refuses the id of a task that has finished.
-- Index: idempotency_keys' primary key, tasks_live_unique_key; the primary key of each day. Locks: waits for another request
-- that holds the same key or id and has not committed yet. Fence: the unique indexes of live tasks; who finished before that.
SELECT stored.position, stored.id, stored.created
  FROM rowlock.enqueue_many(%(tasks)s::jsonb, %(tenant_id)s) AS stored
 ORDER BY stored.position
