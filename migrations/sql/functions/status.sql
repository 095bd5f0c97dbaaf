-- The status that people see: pending is told apart by the clock.
CREATE OR REPLACE FUNCTION rowlock.public_status(
    status rowlock.task_status, visible_at timestamptz, attempt smallint
) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN status <> 'pending' THEN status::text
                WHEN visible_at <= rowlock.clock() THEN 'ready'
                WHEN attempt > 0 THEN 'retrying'
                ELSE 'scheduled' END
$$;
COMMENT ON FUNCTION rowlock.public_status(rowlock.task_status, timestamptz, smallint) IS
    'Status that views and the API show: blocked, scheduled, ready, running, retrying, succeeded, dead or cancelled.';

-- The day on which a task that ends now may be dropped, never later than the last day that has a partition.
CREATE OR REPLACE FUNCTION rowlock.expiry_day(
    tenant_id text, queue text, status rowlock.task_status
) RETURNS date
LANGUAGE sql STABLE AS $$
    SELECT least(
        rowlock.today() + coalesce(
            (SELECT CASE expiry_day.status WHEN 'succeeded' THEN settings.retention_succeeded_days
                                           WHEN 'cancelled' THEN settings.retention_cancelled_days
                                           ELSE settings.retention_dead_days END
               FROM rowlock.queues AS settings
              WHERE settings.tenant_id = expiry_day.tenant_id AND settings.name = expiry_day.queue),
            CASE expiry_day.status WHEN 'dead' THEN 30 ELSE 7 END),
        (SELECT horizon.last_day FROM rowlock.partition_horizon AS horizon WHERE horizon.parent = 'tasks'))
$$;
COMMENT ON FUNCTION rowlock.expiry_day(text, text, rowlock.task_status) IS
    'Day on which a task that ends now with this status may be dropped.';

CREATE OR REPLACE FUNCTION rowlock.execution_day() RETURNS date
LANGUAGE sql STABLE AS $$
    SELECT least(rowlock.today(), (SELECT horizon.last_day FROM rowlock.partition_horizon AS horizon WHERE horizon.parent = 'executions'))
$$;
COMMENT ON FUNCTION rowlock.execution_day() IS 'Day under which an attempt that ends now is filed.';
