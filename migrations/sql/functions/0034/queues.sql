-- A pause of a queue that nobody can have, or for a tenant that nobody can be, would stop nothing and say that it did.
CREATE FUNCTION rowlock.check_queue(queue text, tenant_id text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(check_queue.queue !~ '^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}$', true) THEN
        RAISE EXCEPTION 'The queue % must be 1 to 100 letters, digits or _ . : - and start with a letter, digit or _.',
            quote_nullable(check_queue.queue) USING ERRCODE = 'RL003';
    END IF;
    IF coalesce(check_queue.tenant_id !~ '^([a-z0-9][a-z0-9_.-]{0,62}|[*])$', true) THEN
        RAISE EXCEPTION 'The tenant_id % must be 1 to 63 lower-case letters, digits or _ . -, or * for all tenants.',
            quote_nullable(check_queue.tenant_id) USING ERRCODE = 'RL003';
    END IF;
END $$;
COMMENT ON FUNCTION rowlock.check_queue(text, text) IS 'Refuses names that no queue, and ids that no tenant may have.';

CREATE OR REPLACE FUNCTION rowlock.pause_queue(
    queue text, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS boolean
LANGUAGE sql AS $$
    SELECT rowlock.check_queue(pause_queue.queue, pause_queue.tenant_id);
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

CREATE OR REPLACE FUNCTION rowlock.resume_queue(
    queue text, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS boolean
LANGUAGE sql AS $$
    SELECT rowlock.check_queue(resume_queue.queue, resume_queue.tenant_id);
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
