-- Looks at some pages of a day of attempts that is to be dropped, and carries to today those that ended so much later that
-- their time is not over: they were filed too early for want of partitions, and the days between have none.
-- Answers with how many were carried, and whether there are pages after these.
-- Index: none; it reads the pages in their order. Locks: the rows carried. Fence: none; nobody changes an attempt.
WITH kept AS (
    SELECT greatest(30, max(retention_succeeded_days), max(retention_cancelled_days), max(retention_dead_days)) AS days
      FROM rowlock.queues
), carried AS (
    UPDATE rowlock.executions AS ended
       SET finished_on = rowlock.execution_day()
     WHERE ended.finished_on = %(day)s::date
       AND ended.ctid >= format('(%%s,0)', %(page)s::bigint)::tid
       AND ended.ctid < format('(%%s,0)', %(page)s::bigint + %(pages)s::bigint)::tid
       AND (ended.finished_at AT TIME ZONE 'UTC')::date >= rowlock.today() - (SELECT kept.days FROM kept)
       AND rowlock.execution_day() > %(day)s::date
    RETURNING ended.task_id
)
SELECT (SELECT count(*) FROM carried) AS carried,
       pg_relation_size(format('%%I.%%I', '@schema@', 'executions_' || to_char(%(day)s::date, 'YYYYMMDD'))::regclass)
           > (%(page)s::bigint + %(pages)s::bigint) * current_setting('block_size')::bigint AS more
