-- A partition belongs to whoever makes it, a scheduler for instance, and a migration that changes the table must own them all.
-- Where it may not be given away it stays as it is, for a day without a partition would be worse.
CREATE FUNCTION rowlock.hand_over(partition text, parent text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    owner oid := (SELECT relowner FROM pg_class WHERE oid = format('%I.%I', '@schema@', hand_over.parent)::regclass);
BEGIN
    IF owner <> (SELECT relowner FROM pg_class WHERE oid = format('%I.%I', '@schema@', hand_over.partition)::regclass) THEN
        EXECUTE format('ALTER TABLE %I.%I OWNER TO %I', '@schema@', hand_over.partition, pg_get_userbyid(owner));
    END IF;
    RETURN true;
EXCEPTION
    WHEN insufficient_privilege THEN
        RETURN false;
END $$;
COMMENT ON FUNCTION rowlock.hand_over(text, text) IS
    'Gives a partition to the owner of its table; false where the caller may not.';

-- Takes the place of the function in 0019, and differs from it by whom the new tables belong to.
CREATE OR REPLACE FUNCTION rowlock.make_partitions(ahead_days integer DEFAULT 14) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    today     date := rowlock.today();
    longest   integer;
    made      integer := 0;
    cut       record;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('rowlock.make_partitions:' || '@schema@', 0)) THEN
        RETURN 0;  -- somebody else is at it
    END IF;
    SELECT greatest(30, max(retention_succeeded_days), max(retention_cancelled_days), max(retention_dead_days))
      INTO longest FROM rowlock.queues;

    FOR cut IN
        SELECT 'tasks' AS parent, 'tasks_' || to_char(day, 'YYYYMMDD') AS child, day::date AS first, day::date + 1 AS past
          FROM generate_series(today, today + longest + ahead_days, '1 day') AS day
        UNION ALL
        SELECT parent, parent || '_' || to_char(day, 'YYYYMMDD'), day::date, day::date + 1
          FROM unnest(ARRAY['executions', 'steps']) AS parent,
               generate_series(today, today + ahead_days, '1 day') AS day
        UNION ALL
        SELECT parent, parent || '_' || to_char(month, 'YYYYMM'), month::date, (month + interval '1 month')::date
          FROM unnest(ARRAY['schedule_windows', 'audit_log']) AS parent,
               generate_series(date_trunc('month', today), date_trunc('month', today) + interval '2 months', '1 month') AS month
    LOOP
        IF to_regclass(format('%I.%I', '@schema@', cut.child)) IS NULL THEN
            EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE %1$I.%3$I INCLUDING ALL)', '@schema@', cut.child, cut.parent);
            IF cut.parent = 'tasks' THEN
                PERFORM rowlock.index_dead_letters(cut.child);
            END IF;
            PERFORM rowlock.hand_over(cut.child, cut.parent);
            PERFORM rowlock.empty_default_partition(cut.parent, cut.child, cut.first, cut.past);
            EXECUTE format(
                'ALTER TABLE %1$I.%3$I ATTACH PARTITION %1$I.%2$I FOR VALUES FROM (%4$L) TO (%5$L)',
                '@schema@', cut.child, cut.parent, cut.first, cut.past);
            made := made + 1;
        END IF;
    END LOOP;

    INSERT INTO rowlock.partition_horizon AS horizon (parent, last_day)
    VALUES ('tasks', today + longest + ahead_days), ('executions', today + ahead_days), ('steps', today + ahead_days)
    ON CONFLICT (parent) DO UPDATE SET last_day = excluded.last_day WHERE horizon.last_day < excluded.last_day;
    RETURN made;
END $$;
COMMENT ON FUNCTION rowlock.make_partitions(integer) IS 'Makes missing partitions of the days and months ahead; returns how many.';
