-- Caps how many tasks of a lane run at once, and notes who did it.
-- Index: limits' primary key. Locks: its row. Fence: a lane's name begins with its tenant, so a tenant reaches its own only.
WITH capped AS (
    INSERT INTO rowlock.limits AS cap (tenant_id, queue, lane, max_running)
    VALUES (%(tenant_id)s, %(queue)s, %(lane)s, %(max_running)s)
    ON CONFLICT (queue, lane) DO UPDATE SET max_running = excluded.max_running
        WHERE cap.tenant_id = excluded.tenant_id
    RETURNING cap.*
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    SELECT capped.tenant_id, %(actor)s, 'limit.set', 'queue', capped.queue,
           jsonb_build_object('lane', capped.lane, 'max_running', capped.max_running), %(request_id)s
      FROM capped
)
SELECT capped.lane, capped.max_running, capped.created_at FROM capped
