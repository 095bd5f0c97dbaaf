-- Forgets idempotency keys whose time is over, a bounded number at once.
-- Index: idempotency_keys_expiry. Locks: the rows forgotten, skipping others'. Fence: expires_at, checked on the row that
-- is locked, so a key that is just being used anew stays.
WITH expired AS MATERIALIZED (
    SELECT held.tenant_id, held.key
      FROM rowlock.idempotency_keys AS held
     WHERE held.expires_at <= rowlock.clock()
     ORDER BY held.expires_at
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM rowlock.idempotency_keys AS held
     USING expired
     WHERE held.tenant_id = expired.tenant_id AND held.key = expired.key
    RETURNING held.key
)
SELECT count(*) AS forgotten FROM forgotten
