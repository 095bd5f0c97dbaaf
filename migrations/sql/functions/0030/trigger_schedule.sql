CREATE OR REPLACE FUNCTION rowlock.trigger_schedule(
    schedule text, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL,
    id uuid DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    seen      rowlock.schedules;
    task_id   uuid := coalesce(trigger_schedule.id, rowlock.new_id());
    task_lane text;
BEGIN
    SELECT * INTO seen FROM rowlock.schedules AS held
     WHERE held.tenant_id = trigger_schedule.tenant_id AND held.name = trigger_schedule.schedule;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no schedule %.', trigger_schedule.schedule USING ERRCODE = 'RL404';
    END IF;
    task_lane := rowlock.schedule_lane(seen.tenant_id, seen.id, seen.overlap_policy);
    INSERT INTO rowlock.tasks_live (
        id, tenant_id, queue, name, priority, lane, max_attempts, timeout_seconds, payload, payload_version, tags,
        schedule_id, deadline_at)
    VALUES (
        task_id, seen.tenant_id, seen.queue, seen.task_name, seen.priority,
        task_lane, seen.max_attempts, seen.timeout_seconds, seen.payload, seen.payload_version, seen.tags, seen.id,
        rowlock.clock() + make_interval(secs => (
            SELECT handler.expires_in_seconds FROM rowlock.handlers AS handler WHERE handler.name = seen.task_name)));
    -- Asked last: a task that was live when this one was stored has kept it from being so.
    IF trigger_schedule.id IS NOT NULL THEN
        PERFORM FROM rowlock.tasks AS task
          WHERE task.id = trigger_schedule.id AND task.expires_on < '9999-12-31' LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'Task % exists already, and has finished. Give another task an id of its own.',
                trigger_schedule.id USING ERRCODE = '23505';
        END IF;
    END IF;
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    VALUES (seen.tenant_id, trigger_schedule.actor, 'schedule.trigger', 'schedule', seen.name,
            jsonb_build_object('task_id', task_id), trigger_schedule.request_id);
    PERFORM pg_notify(
        rowlock.wake_channel(), rowlock.news_of(seen.queue, seen.priority, task_lane, rowlock.clock()));
    RETURN task_id;
END $$;
COMMENT ON FUNCTION rowlock.trigger_schedule(text, text, text, text, uuid) IS
    'Enqueues one task of a schedule outside its windows, paused or not; returns the task''s id.';
