-- Cancels a task: at once when it waits, by asking its worker when it runs.
CREATE OR REPLACE FUNCTION rowlock.cancel(
    task_id uuid, tenant_id text DEFAULT 'default', reason text DEFAULT NULL, actor text DEFAULT session_user,
    request_id text DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    held   rowlock.tasks_live;
    ended  text;
BEGIN
    SELECT * INTO held FROM rowlock.tasks_live AS task
     WHERE task.id = cancel.task_id AND task.tenant_id = cancel.tenant_id FOR UPDATE;
    IF NOT FOUND THEN
        SELECT task.status::text INTO ended FROM rowlock.tasks AS task
         WHERE task.id = cancel.task_id AND task.tenant_id = cancel.tenant_id AND task.expires_on < '9999-12-31'
         ORDER BY task.finished_at DESC LIMIT 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'There is no task %.', cancel.task_id USING ERRCODE = 'RL404';
        END IF;
        RAISE EXCEPTION 'Task % has ended as % already, so it cannot be cancelled.', cancel.task_id, ended USING ERRCODE = 'RL409';
    END IF;

    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    VALUES (cancel.tenant_id, cancel.actor, 'task.cancel', 'task', cancel.task_id::text,
            jsonb_strip_nulls(jsonb_build_object('reason', cancel.reason, 'status', held.status)), cancel.request_id);

    IF held.status = 'running' AND greatest(held.visible_at, held.lease_expires_at) > rowlock.clock() THEN
        UPDATE rowlock.tasks_live AS task SET cancel_requested_at = coalesce(task.cancel_requested_at, rowlock.clock())
         WHERE task.id = cancel.task_id AND task.lease_token = held.lease_token;
        PERFORM pg_notify(rowlock.wake_channel(), 'cancel:' || held.worker_id);
        RETURN 'cancel_requested';
    END IF;

    LOOP
        INSERT INTO rowlock.tasks (
            id, visible_at, created_at, started_at, finished_at, lease_token, expires_on, status, worker_id, timeout_seconds,
            wait_seconds, priority, attempt, max_attempts, payload_version, tenant_id, queue, lane, name, payload, reason,
            error, progress, tags, metadata, idempotency_key, unique_key, parent_id, workflow_id, schedule_id, window_at,
            deadline_at)
        VALUES (
            held.id, rowlock.clock(), held.created_at, held.started_at, rowlock.clock(), held.lease_token,
            rowlock.expiry_day(held.tenant_id, held.queue, 'cancelled'), 'cancelled', held.worker_id, held.timeout_seconds,
            held.wait_seconds, held.priority, held.attempt, held.max_attempts, held.payload_version, held.tenant_id,
            held.queue, held.lane, held.name, held.payload, 'cancelled', cancel.reason, held.progress, held.tags,
            held.metadata, held.idempotency_key, held.unique_key, held.parent_id, held.workflow_id, held.schedule_id,
            held.window_at, held.deadline_at)
        ON CONFLICT (id, expires_on) DO NOTHING;
        EXIT WHEN FOUND;
        PERFORM rowlock.make_room(ARRAY[held.id], 'cancelled');
        IF NOT FOUND THEN
            RAISE EXCEPTION 'Task % cannot be cancelled: each day of the history has a task of its id.', held.id USING ERRCODE = 'RL409';
        END IF;
    END LOOP;
    DELETE FROM rowlock.tasks_live AS task WHERE task.id = held.id AND task.lease_token IS NOT DISTINCT FROM held.lease_token;
    IF held.status = 'running' THEN  -- its lease had run out: that attempt ends here
        INSERT INTO rowlock.executions (
            task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome, wait_seconds, run_seconds,
            attempt, tenant_id, queue, name, reason)
        VALUES (
            held.id, held.started_at, rowlock.clock(), held.lease_token, rowlock.execution_day(), held.worker_id,
            'lease_expired', held.wait_seconds, extract(epoch FROM rowlock.clock() - held.started_at), held.attempt,
            held.tenant_id, held.queue, held.name, 'lease_expired');
    END IF;
    RETURN 'cancelled';
END $$;
COMMENT ON FUNCTION rowlock.cancel(uuid, text, text, text, text) IS
    'Cancels a task: returns cancelled, or cancel_requested where it runs and its worker has been asked to stop it.';
