-- Sets what a tenant wants of a queue; what is not given goes back to its default. A pause stays as it is.
-- Index: queues' primary key. Locks: its row. Fence: the newest setting wins.
WITH held AS (
    SELECT count(*) AS rows FROM rowlock.queues AS queue WHERE queue.tenant_id = %(tenant_id)s AND queue.name = %(queue)s
), configured AS (
    INSERT INTO rowlock.queues AS queue (
        tenant_id, name, description, retention_succeeded_days, retention_cancelled_days, retention_dead_days)
    VALUES (%(tenant_id)s, %(queue)s, %(description)s, %(retention_succeeded_days)s, %(retention_cancelled_days)s,
            %(retention_dead_days)s)
    ON CONFLICT (tenant_id, name) DO UPDATE
       SET description = excluded.description, retention_succeeded_days = excluded.retention_succeeded_days,
           retention_cancelled_days = excluded.retention_cancelled_days,
           retention_dead_days = excluded.retention_dead_days
    RETURNING queue.*
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    SELECT configured.tenant_id, %(actor)s, 'queue.configure', 'queue', configured.name,
           jsonb_build_object('retention_succeeded_days', configured.retention_succeeded_days,
                              'retention_cancelled_days', configured.retention_cancelled_days,
                              'retention_dead_days', configured.retention_dead_days), %(request_id)s
      FROM configured
)
SELECT held.rows = 0 AS created FROM configured CROSS JOIN held
