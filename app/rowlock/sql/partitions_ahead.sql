-- Days of partitions that lie ready beyond what finishes may need, of the table with fewest; null where there are none.
-- Index: none; both tables are tiny. Locks: none. Fence: none; it only reads.
WITH kept AS (
    SELECT greatest(30, max(retention_succeeded_days), max(retention_cancelled_days), max(retention_dead_days)) AS days
      FROM rowlock.queues
)
SELECT min(horizon.last_day - rowlock.today() - CASE horizon.parent WHEN 'tasks' THEN kept.days ELSE 0 END) AS days_ahead
  FROM rowlock.partition_horizon AS horizon CROSS JOIN kept
