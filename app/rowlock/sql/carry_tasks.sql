-- Looks at some pages of a day of tasks that is to be dropped, and carries to their right days those whose retention is not
-- over: they were filed too early for want of partitions, or their queue keeps them longer by now. Of two with one id that
-- day keeps the one it has. Answers with how many were carried, and whether there are pages after these.
-- Index: none to look, for it reads the pages in their order; tasks' primary keys to carry. Locks: the rows carried, all at
-- once or none: whoever came first and waits for a row would be refused if that moved to another partition before him.
-- Fence: the row itself, read again under its lock, so one that has just been redriven is let go.
WITH due AS (
    SELECT task.id,
           (task.finished_at AT TIME ZONE 'UTC')::date + CASE task.status
               WHEN 'succeeded' THEN coalesce(settings.retention_succeeded_days, 7)
               WHEN 'cancelled' THEN coalesce(settings.retention_cancelled_days, 7)
               ELSE coalesce(settings.retention_dead_days, 30) END AS day
      FROM rowlock.tasks AS task
      LEFT JOIN rowlock.queues AS settings ON settings.tenant_id = task.tenant_id AND settings.name = task.queue
     WHERE task.expires_on = %(day)s::date
       AND task.ctid >= format('(%%s,0)', %(page)s::bigint)::tid
       AND task.ctid < format('(%%s,0)', %(page)s::bigint + %(pages)s::bigint)::tid
), early AS MATERIALIZED (
    SELECT due.id, least(due.day, horizon.last_day) AS day
      FROM due
     CROSS JOIN rowlock.partition_horizon AS horizon
     WHERE horizon.parent = 'tasks' AND due.day >= rowlock.today() AND horizon.last_day > %(day)s::date
), locked AS MATERIALIZED (
    SELECT task.id, early.day
      FROM early
      JOIN rowlock.tasks AS task ON task.id = early.id AND task.expires_on = %(day)s::date
       FOR UPDATE OF task NOWAIT
), carried AS (
    UPDATE rowlock.tasks AS task
       SET expires_on = locked.day
      FROM locked
     WHERE task.id = locked.id AND task.expires_on = %(day)s::date
       AND NOT EXISTS (SELECT FROM rowlock.tasks AS later WHERE later.id = locked.id AND later.expires_on = locked.day)
    RETURNING task.id
)
SELECT (SELECT count(*) FROM carried) AS carried,
       pg_relation_size(format('%%I.%%I', '@schema@', 'tasks_' || to_char(%(day)s::date, 'YYYYMMDD'))::regclass)
           > (%(page)s::bigint + %(pages)s::bigint) * current_setting('block_size')::bigint AS more
