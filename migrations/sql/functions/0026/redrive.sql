-- Puts finished tasks back to work under their own ids, with all attempts ahead of them. Where an id was used again it is
-- the tenant's latest of its tasks, and none while one is live: subqueries ask for it by the primary keys, a row at a time,
-- where a join might read all of the history.
CREATE OR REPLACE FUNCTION rowlock.redrive_rows(tenant_id text, task_ids uuid[], actor text, request_id text)
RETURNS SETOF uuid
LANGUAGE sql AS $$
    WITH taken AS (
        DELETE FROM rowlock.tasks AS task
         WHERE task.id = ANY (redrive_rows.task_ids) AND task.tenant_id = redrive_rows.tenant_id
           AND task.expires_on < '9999-12-31' AND task.status IN ('dead', 'cancelled')
           AND task.expires_on = (
                SELECT latest.expires_on FROM rowlock.tasks AS latest
                 WHERE latest.id = task.id AND (latest.tenant_id = task.tenant_id OR latest.expires_on = '9999-12-31')
                 ORDER BY latest.finished_at DESC NULLS FIRST LIMIT 1)
        RETURNING task.*
    ), live AS (
        INSERT INTO rowlock.tasks_live (
            id, created_at, timeout_seconds, priority, max_attempts, payload_version, tenant_id, queue, lane, name,
            payload, reason, error, tags, metadata, idempotency_key, parent_id, workflow_id, schedule_id, window_at)
        SELECT taken.id, taken.created_at, taken.timeout_seconds, taken.priority, taken.max_attempts,
               taken.payload_version, taken.tenant_id, taken.queue, taken.lane, taken.name, taken.payload, 'redriven',
               taken.error, taken.tags, taken.metadata, taken.idempotency_key, taken.parent_id, taken.workflow_id,
               taken.schedule_id, taken.window_at
          FROM taken
        RETURNING id, queue
    ), noted AS (
        INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
        SELECT taken.tenant_id, redrive_rows.actor, 'task.redrive', 'task', taken.id::text,
               jsonb_build_object('status', taken.status, 'reason', taken.reason, 'attempt', taken.attempt),
               redrive_rows.request_id
          FROM taken
    ), woken AS MATERIALIZED (
        SELECT pg_notify(rowlock.wake_channel(), queue) FROM (SELECT DISTINCT queue FROM live) AS touched
    )
    SELECT live.id FROM live LEFT JOIN (SELECT count(*) FROM woken) AS told ON true
$$;
COMMENT ON FUNCTION rowlock.redrive_rows(text, uuid[], text, text) IS
    'Moves the dead or cancelled tasks among these back to work, audited; returns those moved.';

CREATE OR REPLACE FUNCTION rowlock.redrive(
    task_id uuid, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    status text;
BEGIN
    PERFORM rowlock.redrive_rows(redrive.tenant_id, ARRAY[redrive.task_id], redrive.actor, redrive.request_id);
    IF FOUND THEN
        RETURN redrive.task_id;
    END IF;
    SELECT rowlock.public_status(task.status, task.visible_at, task.attempt) INTO status FROM rowlock.tasks AS task
     WHERE task.id = redrive.task_id AND task.tenant_id = redrive.tenant_id
     ORDER BY task.finished_at DESC NULLS FIRST LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no task %.', redrive.task_id USING ERRCODE = 'RL404';
    END IF;
    IF status IN ('dead', 'cancelled') THEN  -- another tenant's is live
        RAISE EXCEPTION 'Task % cannot be redriven while another task has its id.', redrive.task_id USING ERRCODE = 'RL409';
    END IF;
    RAISE EXCEPTION 'Task % is %, and only dead or cancelled tasks can be redriven.', redrive.task_id, status USING ERRCODE = 'RL409';
END $$;
COMMENT ON FUNCTION rowlock.redrive(uuid, text, text, text) IS 'Puts one dead or cancelled task back to work under its own id.';

CREATE OR REPLACE FUNCTION rowlock.redrive_dead(
    queue text DEFAULT NULL, name text DEFAULT NULL, tenant_id text DEFAULT 'default', "limit" integer DEFAULT 1000,
    actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS SETOF uuid
LANGUAGE sql AS $$
    SELECT rowlock.redrive_rows(
        redrive_dead.tenant_id,
        ARRAY(SELECT letter.id
                FROM (SELECT task.id, task.tenant_id, task.expires_on FROM rowlock.tasks AS task
                       WHERE task.tenant_id = redrive_dead.tenant_id AND task.status = 'dead'
                         AND task.expires_on < '9999-12-31'
                         AND (redrive_dead.queue IS NULL OR task.queue = redrive_dead.queue)
                         AND (redrive_dead.name IS NULL OR task.name = redrive_dead.name)
                       ORDER BY task.id OFFSET 0) AS letter  -- so that no more of them are looked up than are taken
               WHERE letter.expires_on = (
                      SELECT latest.expires_on FROM rowlock.tasks AS latest
                       WHERE latest.id = letter.id
                         AND (latest.tenant_id = letter.tenant_id OR latest.expires_on = '9999-12-31')
                       ORDER BY latest.finished_at DESC NULLS FIRST LIMIT 1)
               LIMIT redrive_dead."limit"),
        redrive_dead.actor, redrive_dead.request_id)
$$;
COMMENT ON FUNCTION rowlock.redrive_dead(text, text, text, integer, text, text) IS
    'Puts dead letters of a queue or handler back to work, oldest first, at most so many; returns their ids.';
