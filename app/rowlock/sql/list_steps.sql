-- The finished steps of a task, newest first, a page at a time. Large results end a page early: `found` counts the rows
-- of a whole one.
-- Index: steps' primary key of each day there is. Locks: none. Fence: none; a read.
WITH candidate AS (
    SELECT step.name, step.occurrence, step.attempt, step.lease_token, step.recorded_at, step.run_seconds, step.result
      FROM rowlock.steps AS step
     WHERE step.task_id = %(task_id)s AND step.tenant_id = %(tenant_id)s AND step.recorded_at >= %(since)s
       AND (step.recorded_at, step.name, step.occurrence)
           < (%(before_at)s::timestamptz, %(before_name)s::text, %(before_occurrence)s::integer)
     ORDER BY step.recorded_at DESC, step.name DESC, step.occurrence DESC
     LIMIT %(limit)s
), sized AS (
    SELECT candidate.*, count(*) OVER () AS found,
           sum(octet_length(candidate.result::text)) OVER (
               ORDER BY candidate.recorded_at DESC, candidate.name DESC, candidate.occurrence DESC
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
      FROM candidate
)
SELECT sized.name, sized.occurrence, sized.attempt, sized.lease_token, sized.recorded_at, sized.run_seconds, sized.result,
       sized.found
  FROM sized
 WHERE coalesce(sized.bytes_before, 0) < %(max_bytes)s
 ORDER BY sized.recorded_at DESC, sized.name DESC, sized.occurrence DESC
