-- Partitions whose day has come, and tables left over from a drop that was cut short. `detaching` is a detachment that
-- was begun and has to be finished; it comes first, since a parent allows no second one beside it. The last day there is
-- stays: while nobody has made later ones, rows are filed under it.
-- Index: pg_class' name. Locks: none. Fence: the day or month in the table's name, by the database's clock.
WITH kept AS (
    SELECT greatest(30, max(retention_succeeded_days), max(retention_cancelled_days), max(retention_dead_days)) AS days
      FROM rowlock.queues
), parents (parent, pattern, format, span, past) AS (
    SELECT 'tasks', '^tasks_[0-9]{8}$', 'YYYYMMDD', interval '1 day', rowlock.today() FROM kept
    UNION ALL
    SELECT 'executions', '^executions_[0-9]{8}$', 'YYYYMMDD', interval '1 day', rowlock.today() - kept.days FROM kept
    UNION ALL
    SELECT 'steps', '^steps_[0-9]{8}$', 'YYYYMMDD', interval '1 day', rowlock.today() - %(step_days)s::integer
    UNION ALL
    SELECT named.parent, '^' || named.parent || '_[0-9]{6}$', 'YYYYMM', interval '1 month',
           rowlock.today() - %(ledger_days)s::integer
      FROM unnest(ARRAY['schedule_windows', 'audit_log']) AS named (parent)
)
SELECT parents.parent, child.relname::text AS partition, link.inhrelid IS NOT NULL AS attached,
       coalesce(link.inhdetachpending, false) AS detaching,
       EXISTS (SELECT FROM pg_partitioned_table AS cut WHERE cut.partrelid = link.inhparent AND cut.partdefid <> 0)
           AS has_default
  FROM parents
  JOIN LATERAL (
        SELECT found.oid, found.relname, found.relnamespace,
               to_date(substring(found.relname FROM '[0-9]+$'), parents.format) AS first_day
          FROM pg_class AS found
         WHERE found.relname ~ parents.pattern AND found.relkind = 'r') AS child ON true
  JOIN pg_namespace AS namespace ON namespace.oid = child.relnamespace AND namespace.nspname = '@schema@'
  LEFT JOIN pg_inherits AS link ON link.inhrelid = child.oid
  LEFT JOIN rowlock.partition_horizon AS horizon ON horizon.parent = parents.parent
 WHERE child.first_day + parents.span <= parents.past AND child.first_day IS DISTINCT FROM horizon.last_day
   AND (parents.parent <> 'schedule_windows' OR NOT EXISTS (  -- by which a backfill knows that it has fired them
        SELECT FROM rowlock.schedule_windows AS recorded
         WHERE recorded.tableoid = child.oid  -- while its month's bounds keep the others from being looked at
           AND recorded.window_at BETWEEN child.first_day - 1 AND child.first_day + parents.span + interval '1 day'
           AND recorded.recorded_at >= rowlock.clock() - make_interval(days => %(ledger_days)s::integer)))
 ORDER BY detaching DESC, partition
 LIMIT %(limit)s
