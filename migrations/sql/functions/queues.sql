CREATE OR REPLACE FUNCTION rowlock.pause_queue(
    queue text, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS boolean
LANGUAGE sql AS $$
    WITH paused AS (
        INSERT INTO rowlock.queues AS held (tenant_id, name, paused_at, paused_by)
        VALUES (pause_queue.tenant_id, pause_queue.queue, rowlock.clock(), pause_queue.actor)
        ON CONFLICT (tenant_id, name) DO UPDATE SET paused_at = excluded.paused_at, paused_by = excluded.paused_by
            WHERE held.paused_at IS NULL
        RETURNING name
    ), noted AS (
        INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, request_id)
        SELECT pause_queue.tenant_id, pause_queue.actor, 'queue.pause', 'queue', name, pause_queue.request_id FROM paused
    )
    SELECT EXISTS (SELECT FROM paused)
$$;
COMMENT ON FUNCTION rowlock.pause_queue(text, text, text, text) IS
    'Stops the claiming of a queue''s tasks (tenant * for all tenants); running ones go on. Returns false if it was paused already.';

CREATE OR REPLACE FUNCTION rowlock.resume_queue(
    queue text, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS boolean
LANGUAGE sql AS $$
    WITH resumed AS (
        UPDATE rowlock.queues AS held SET paused_at = NULL, paused_by = NULL
         WHERE held.tenant_id = resume_queue.tenant_id AND held.name = resume_queue.queue AND held.paused_at IS NOT NULL
        RETURNING name
    ), noted AS (
        INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, request_id)
        SELECT resume_queue.tenant_id, resume_queue.actor, 'queue.resume', 'queue', name, resume_queue.request_id FROM resumed
    ), woken AS MATERIALIZED (
        SELECT pg_notify(rowlock.wake_channel(), name) FROM resumed
    )
    SELECT EXISTS (SELECT FROM woken)
$$;
COMMENT ON FUNCTION rowlock.resume_queue(text, text, text, text) IS
    'Lets a paused queue''s tasks be claimed again. Returns false if it was not paused.';
