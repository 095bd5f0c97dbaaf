-- As enqueue_keyed, but waits only so long for another request that holds the same key and has not committed yet (55P03).
-- Index: idempotency_keys' primary key, tasks_live_unique_key. Locks: that other request's, for lock_timeout at most; it is
-- set for this transaction alone, before the function runs. Fence: those two unique indexes.
WITH bound AS MATERIALIZED (
    SELECT set_config('lock_timeout', %(lock_timeout)s, true) AS lock_timeout
)
SELECT stored.position, stored.id, stored.created
  FROM bound CROSS JOIN LATERAL rowlock.store_requests(
           CASE WHEN bound.lock_timeout IS NOT NULL THEN %(tasks)s::jsonb END, %(tenant_id)s) AS stored
 ORDER BY stored.position
