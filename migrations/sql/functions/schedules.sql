-- A schedule whose tasks must not run beside each other has a lane of its own, which limits caps at one.
CREATE OR REPLACE FUNCTION rowlock.schedule_lane(tenant_id text, schedule_id uuid, overlap_policy text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE schedule_lane.overlap_policy WHEN 'allow' THEN schedule_lane.tenant_id
           ELSE schedule_lane.tenant_id || '/schedule:' || schedule_lane.schedule_id END
$$;
COMMENT ON FUNCTION rowlock.schedule_lane(text, uuid, text) IS
    'Lane of the tasks that a schedule makes: the tenant''s, or one of its own where they may not overlap.';

CREATE OR REPLACE FUNCTION rowlock.pause_schedule(
    schedule text, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    UPDATE rowlock.schedules AS held
       SET paused_at = rowlock.clock(), paused_by = pause_schedule.actor, updated_at = rowlock.clock()
     WHERE held.tenant_id = pause_schedule.tenant_id AND held.name = pause_schedule.schedule AND held.paused_at IS NULL;
    IF NOT FOUND THEN
        PERFORM FROM rowlock.schedules AS held
          WHERE held.tenant_id = pause_schedule.tenant_id AND held.name = pause_schedule.schedule;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'There is no schedule %.', pause_schedule.schedule USING ERRCODE = 'RL404';
        END IF;
        RETURN false;
    END IF;
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, request_id)
    VALUES (pause_schedule.tenant_id, pause_schedule.actor, 'schedule.pause', 'schedule', pause_schedule.schedule,
            pause_schedule.request_id);
    RETURN true;
END $$;
COMMENT ON FUNCTION rowlock.pause_schedule(text, text, text, text) IS
    'Stops a schedule from firing; tasks that it made go on. Returns false if it was paused already.';

-- Which windows the pause has cost only the rule can tell, and SQL cannot read it. So the whole of the pause is skipped
-- in one row, and the leader's next tick finds the next window.
CREATE OR REPLACE FUNCTION rowlock.resume_schedule(
    schedule text, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    seen rowlock.schedules;
BEGIN
    SELECT * INTO seen FROM rowlock.schedules AS held
     WHERE held.tenant_id = resume_schedule.tenant_id AND held.name = resume_schedule.schedule FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no schedule %.', resume_schedule.schedule USING ERRCODE = 'RL404';
    END IF;
    IF seen.paused_at IS NULL THEN
        RETURN false;
    END IF;
    UPDATE rowlock.schedules AS held
       SET paused_at = NULL, paused_by = NULL, updated_at = rowlock.clock(),
           cursor_at = greatest(held.cursor_at, rowlock.clock()),
           next_at = CASE WHEN held.next_at IS NOT NULL THEN greatest(held.next_at, rowlock.clock()) END
     WHERE held.tenant_id = resume_schedule.tenant_id AND held.name = resume_schedule.schedule;
    IF seen.next_at <= rowlock.clock() THEN
        INSERT INTO rowlock.schedule_windows AS recorded (
            schedule_id, window_at, tenant_id, outcome, reason, passed_after, epoch)
        VALUES (seen.id, rowlock.clock(), seen.tenant_id, 'skipped', 'paused', seen.cursor_at, 0)
        ON CONFLICT (schedule_id, window_at) DO UPDATE
           SET passed_after = least(recorded.passed_after, excluded.passed_after),
               reason = coalesce(recorded.reason, excluded.reason);
    END IF;
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    VALUES (seen.tenant_id, resume_schedule.actor, 'schedule.resume', 'schedule', seen.name,
            jsonb_build_object('cursor_from', seen.cursor_at, 'cursor_to', rowlock.clock()), resume_schedule.request_id);
    RETURN true;
END $$;
COMMENT ON FUNCTION rowlock.resume_schedule(text, text, text, text) IS
    'Lets a paused schedule fire again from now on; what it missed is skipped. Returns false if it was not paused.';

CREATE OR REPLACE FUNCTION rowlock.trigger_schedule(
    schedule text, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL,
    id uuid DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    seen    rowlock.schedules;
    task_id uuid := coalesce(trigger_schedule.id, rowlock.new_id());
BEGIN
    SELECT * INTO seen FROM rowlock.schedules AS held
     WHERE held.tenant_id = trigger_schedule.tenant_id AND held.name = trigger_schedule.schedule;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no schedule %.', trigger_schedule.schedule USING ERRCODE = 'RL404';
    END IF;
    INSERT INTO rowlock.tasks_live (
        id, tenant_id, queue, name, priority, lane, max_attempts, timeout_seconds, payload, tags, schedule_id)
    VALUES (
        task_id, seen.tenant_id, seen.queue, seen.task_name, seen.priority,
        rowlock.schedule_lane(seen.tenant_id, seen.id, seen.overlap_policy), seen.max_attempts, seen.timeout_seconds,
        seen.payload, seen.tags, seen.id);
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    VALUES (seen.tenant_id, trigger_schedule.actor, 'schedule.trigger', 'schedule', seen.name,
            jsonb_build_object('task_id', task_id), trigger_schedule.request_id);
    PERFORM pg_notify(rowlock.wake_channel(), seen.queue);
    RETURN task_id;
END $$;
COMMENT ON FUNCTION rowlock.trigger_schedule(text, text, text, text, uuid) IS
    'Enqueues one task of a schedule outside its windows, paused or not; returns the task''s id.';

-- Asked for tasks that a new window takes the place of. One that ended a moment ago needs no cancelling any more.
CREATE OR REPLACE FUNCTION rowlock.cancel_replaced(task_ids uuid[], tenant_ids text[], reason text, actor text)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    asked     record;
    cancelled integer := 0;
BEGIN
    FOR asked IN  -- in order of their ids, as workers lock the rows of a batch
        SELECT task.id, task.tenant_id
          FROM unnest(cancel_replaced.task_ids, cancel_replaced.tenant_ids) AS task (id, tenant_id) ORDER BY task.id
    LOOP
        BEGIN
            PERFORM rowlock.cancel(asked.id, asked.tenant_id, cancel_replaced.reason, cancel_replaced.actor);
            cancelled := cancelled + 1;
        EXCEPTION WHEN SQLSTATE 'RL404' OR SQLSTATE 'RL409' THEN
            CONTINUE;
        END;
    END LOOP;
    RETURN cancelled;
END $$;
COMMENT ON FUNCTION rowlock.cancel_replaced(uuid[], text[], text, text) IS
    'Cancels, or asks to stop, each of these tasks that has not ended yet; returns how many.';
