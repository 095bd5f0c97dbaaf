CREATE OR REPLACE FUNCTION rowlock.order_of_schedule(
    action text, schedule text, arguments jsonb, known text[], tenant_id text, actor text, request_id text
) RETURNS uuid
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    order_id uuid;
    unknown  text;
BEGIN
    IF order_of_schedule.schedule IS NULL OR coalesce(jsonb_typeof(order_of_schedule.arguments), '') <> 'object' THEN
        RAISE EXCEPTION 'Give the name of a schedule, and what it is to be as a JSON object.' USING ERRCODE = 'RL003';
    END IF;
    SELECT given.name INTO unknown FROM jsonb_object_keys(order_of_schedule.arguments) AS given (name)
     WHERE given.name <> ALL (order_of_schedule.known) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'The field % of a schedule is unknown: use %.', unknown,
            array_to_string(order_of_schedule.known, ', ') USING ERRCODE = 'RL003';
    END IF;
    INSERT INTO rowlock.schedule_orders AS placed (tenant_id, schedule, action, arguments, actor, request_id)
    VALUES (order_of_schedule.tenant_id, order_of_schedule.schedule, order_of_schedule.action,
            order_of_schedule.arguments, order_of_schedule.actor, order_of_schedule.request_id)
    RETURNING placed.id INTO order_id;
    RETURN order_id;
END $$;
COMMENT ON FUNCTION rowlock.order_of_schedule(text, text, jsonb, text[], text, text, text) IS
    'Places an order for the leading scheduler; refuses fields that are not known.';

CREATE OR REPLACE FUNCTION rowlock.schedule_fields() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY['cron', 'interval_seconds', 'once', 'calendar', 'timezone', 'anchor_at', 'starts_at', 'ends_at',
                 'jitter_seconds', 'allow_seconds', 'missed_run_policy', 'max_catch_up', 'catch_up_window_seconds',
                 'misfire_grace_seconds', 'overlap_policy', 'task_name', 'payload', 'queue', 'priority', 'max_attempts',
                 'timeout_seconds', 'tags']
$$;
COMMENT ON FUNCTION rowlock.schedule_fields() IS 'The fields of a schedule that SQL may set.';

CREATE OR REPLACE FUNCTION rowlock.create_schedule(
    schedule text, task_name text, options jsonb, tenant_id text DEFAULT 'default', actor text DEFAULT session_user,
    request_id text DEFAULT NULL
) RETURNS uuid
LANGUAGE sql AS $$
    SELECT rowlock.order_of_schedule(
        'create', create_schedule.schedule,
        create_schedule.options || jsonb_build_object('task_name', create_schedule.task_name),
        rowlock.schedule_fields() || '{paused}', create_schedule.tenant_id, create_schedule.actor,
        create_schedule.request_id)
$$;
COMMENT ON FUNCTION rowlock.create_schedule(text, text, jsonb, text, text, text) IS
    'Orders a schedule of a handler''s tasks, with the options of the REST API; returns the order''s id, by which schedule_orders tells what became of it.';

CREATE OR REPLACE FUNCTION rowlock.change_schedule(
    schedule text, changes jsonb, tenant_id text DEFAULT 'default', actor text DEFAULT session_user,
    request_id text DEFAULT NULL
) RETURNS uuid
LANGUAGE sql AS $$
    SELECT rowlock.order_of_schedule(
        'change', change_schedule.schedule, change_schedule.changes, rowlock.schedule_fields(),
        change_schedule.tenant_id, change_schedule.actor, change_schedule.request_id)
$$;
COMMENT ON FUNCTION rowlock.change_schedule(text, jsonb, text, text, text) IS
    'Orders changes of a schedule, in the fields of the REST API; returns the order''s id. Where the rule changes, its windows count from then on.';

CREATE OR REPLACE FUNCTION rowlock.backfill_schedule(
    schedule text, since timestamptz, until timestamptz, tenant_id text DEFAULT 'default',
    actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS uuid
LANGUAGE sql AS $$
    SELECT rowlock.order_of_schedule(
        'backfill', backfill_schedule.schedule,
        jsonb_build_object('since', backfill_schedule.since, 'until', backfill_schedule.until),
        '{since,until}', backfill_schedule.tenant_id, backfill_schedule.actor, backfill_schedule.request_id)
$$;
COMMENT ON FUNCTION rowlock.backfill_schedule(text, timestamptz, timestamptz, text, text, text) IS
    'Orders the past windows of a range that never fired, at most 10,000, to be fired; returns the order''s id. Safe to repeat.';

CREATE OR REPLACE FUNCTION rowlock.delete_schedule(
    schedule text, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    gone rowlock.schedules;
BEGIN
    DELETE FROM rowlock.schedules AS held
     WHERE held.tenant_id = delete_schedule.tenant_id AND held.name = delete_schedule.schedule
    RETURNING * INTO gone;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no schedule %.', delete_schedule.schedule USING ERRCODE = 'RL404';
    END IF;
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    VALUES (gone.tenant_id, delete_schedule.actor, 'schedule.delete', 'schedule', gone.name,
            jsonb_build_object('id', gone.id, gone.trigger_kind, gone.expression, 'cursor_at', gone.cursor_at),
            delete_schedule.request_id);
    RETURN gone.id;
END $$;
COMMENT ON FUNCTION rowlock.delete_schedule(text, text, text, text) IS
    'Deletes a schedule and returns its id; tasks that it made go on, and its windows stay for their retention.';
