CREATE OR REPLACE FUNCTION rowlock.schedule_fields() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY['cron', 'interval_seconds', 'once', 'calendar', 'timezone', 'anchor_at', 'starts_at', 'ends_at',
                 'jitter_seconds', 'allow_seconds', 'missed_run_policy', 'max_catch_up', 'catch_up_window_seconds',
                 'misfire_grace_seconds', 'overlap_policy', 'task_name', 'payload', 'payload_version', 'queue',
                 'priority', 'max_attempts', 'timeout_seconds', 'tags']
$$;
COMMENT ON FUNCTION rowlock.schedule_fields() IS 'The fields of a schedule that SQL may set.';
