-- Stores tasks of which some have idempotency or unique keys, all or none, by the SQL function that every language uses,
-- without its question whether one has finished under an id: ids are new, or were asked for by find_finished.
-- Index: idempotency_keys' primary key, tasks_live_unique_key. Locks: waits for another request that holds the same key
-- and has not committed yet. Fence: those two unique indexes.
SELECT stored.position, stored.id, stored.created
  FROM rowlock.store_requests(%(tasks)s::jsonb, %(tenant_id)s) AS stored
 ORDER BY stored.position
