-- The span of a month's table, by the database's catalogue; nulls where it is not attached, or not there.
CREATE FUNCTION rowlock.month_bounds(partition text, OUT first timestamptz, OUT past timestamptz)
LANGUAGE sql STABLE SET timezone TO 'UTC' AS $$
    SELECT (regexp_match(cut.bounds, 'FROM \(''([^'']+)''\)'))[1]::timestamptz,
           (regexp_match(cut.bounds, 'TO \(''([^'']+)''\)'))[1]::timestamptz
      FROM (SELECT pg_get_expr(found.relpartbound, found.oid) AS bounds FROM pg_class AS found
             WHERE found.oid = to_regclass(format('%I.%I', '@schema@', month_bounds.partition))) AS cut
$$;
COMMENT ON FUNCTION rowlock.month_bounds(text) IS 'Which instants a partition of a month holds.';

-- Takes the place of the function in 0027. Days and months are those of UTC, whatever the session's time zone is; until now
-- it was the session's that said when a month begins. So a month begins where the one before was made to end.
CREATE OR REPLACE FUNCTION rowlock.make_partitions(ahead_days integer DEFAULT 14) RETURNS integer
LANGUAGE plpgsql SET timezone TO 'UTC' AS $$
DECLARE
    today     date := rowlock.today();
    longest   integer;
    made      integer := 0;
    cut       record;
    first     timestamptz;
    past      timestamptz;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('rowlock.make_partitions:' || '@schema@', 0)) THEN
        RETURN 0;  -- somebody else is at it
    END IF;
    SELECT greatest(30, max(retention_succeeded_days), max(retention_cancelled_days), max(retention_dead_days))
      INTO longest FROM rowlock.queues;

    FOR cut IN
        SELECT 'tasks' AS parent, 'tasks_' || to_char(day, 'YYYYMMDD') AS child, day::date AS day, NULL::timestamp AS month
          FROM generate_series(today, today + longest + ahead_days, '1 day') AS day
        UNION ALL
        SELECT parent, parent || '_' || to_char(day, 'YYYYMMDD'), day::date, NULL
          FROM unnest(ARRAY['executions', 'steps']) AS parent,
               generate_series(today, today + ahead_days, '1 day') AS day
        UNION ALL
        SELECT parent, parent || '_' || to_char(month, 'YYYYMM'), NULL, month
          FROM unnest(ARRAY['schedule_windows', 'audit_log']) AS parent,
               generate_series(date_trunc('month', today::timestamp), date_trunc('month', today::timestamp) + interval '2 months', '1 month') AS month
    LOOP
        IF to_regclass(format('%I.%I', '@schema@', cut.child)) IS NULL THEN
            EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE %1$I.%3$I INCLUDING ALL)', '@schema@', cut.child, cut.parent);
            IF cut.parent = 'tasks' THEN
                PERFORM rowlock.index_dead_letters(cut.child);
            END IF;
            PERFORM rowlock.hand_over(cut.child, cut.parent);
            IF cut.month IS NULL THEN
                EXECUTE format(
                    'ALTER TABLE %1$I.%3$I ATTACH PARTITION %1$I.%2$I FOR VALUES FROM (%4$L) TO (%5$L)',
                    '@schema@', cut.child, cut.parent, cut.day, cut.day + 1);
            ELSE
                SELECT coalesce(former.past, cut.month) INTO first
                  FROM rowlock.month_bounds(cut.parent || '_' || to_char(cut.month - interval '1 month', 'YYYYMM')) AS former;
                SELECT coalesce(later.first, cut.month + interval '1 month') INTO past
                  FROM rowlock.month_bounds(cut.parent || '_' || to_char(cut.month + interval '1 month', 'YYYYMM')) AS later;
                PERFORM rowlock.empty_default_partition(cut.parent, cut.child, first, past);
                EXECUTE format(
                    'ALTER TABLE %1$I.%3$I ATTACH PARTITION %1$I.%2$I FOR VALUES FROM (%4$L) TO (%5$L)',
                    '@schema@', cut.child, cut.parent, first, past);
            END IF;
            made := made + 1;
        END IF;
    END LOOP;

    INSERT INTO rowlock.partition_horizon AS horizon (parent, last_day)
    VALUES ('tasks', today + longest + ahead_days), ('executions', today + ahead_days), ('steps', today + ahead_days)
    ON CONFLICT (parent) DO UPDATE SET last_day = excluded.last_day WHERE horizon.last_day < excluded.last_day;
    RETURN made;
END $$;

-- Takes the place of that between days, which the session's time zone turned into instants.
DROP FUNCTION rowlock.empty_default_partition(text, text, date, date);
CREATE FUNCTION rowlock.empty_default_partition(parent text, child text, first timestamptz, past timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    overflow text := parent || '_default';
    cut_by   text := CASE parent WHEN 'schedule_windows' THEN 'window_at' ELSE 'at' END;
BEGIN
    IF to_regclass(format('%I.%I', '@schema@', overflow)) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'WITH moved AS (DELETE FROM %1$I.%2$I WHERE %3$I >= $1 AND %3$I < $2 RETURNING *)
         INSERT INTO %1$I.%4$I SELECT * FROM moved', '@schema@', overflow, cut_by, child)
      USING first, past;
END $$;
COMMENT ON FUNCTION rowlock.empty_default_partition(text, text, timestamptz, timestamptz) IS
    'Moves rows of one span out of a parent''s default partition into the table about to be attached for it.';
