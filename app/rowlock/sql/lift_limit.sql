-- Takes a lane's cap away, notes who did it, and wakes workers.
-- Index: limits' primary key. Locks: its row. Fence: the tenant's own only.
WITH lifted AS (
    DELETE FROM rowlock.limits AS cap
     WHERE cap.queue = %(queue)s AND cap.lane = %(lane)s AND cap.tenant_id = %(tenant_id)s
    RETURNING cap.*
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    SELECT lifted.tenant_id, %(actor)s, 'limit.lift', 'queue', lifted.queue, jsonb_build_object('lane', lifted.lane),
           %(request_id)s
      FROM lifted
), woken AS MATERIALIZED (
    SELECT pg_notify(rowlock.wake_channel(), lifted.queue) FROM lifted
)
SELECT lifted.lane, (SELECT count(*) FROM woken) AS woken FROM lifted
