-- Moves finished tasks out of the way of live ones that have their ids again, by the SQL function that every language uses.
-- Index: the primary keys; pg_inherits' and pg_class'. Locks: the rows moved; it waits for each no longer than lock_timeout.
-- Fence: none; a finished task is the same under any day, and what is live is not changed. Returns those moved.
WITH bound AS MATERIALIZED (
    SELECT set_config('lock_timeout', %(lock_timeout)s, true) AS lock_timeout
)
SELECT moved.id
  FROM bound CROSS JOIN LATERAL rowlock.make_room(
           CASE WHEN bound.lock_timeout IS NOT NULL THEN %(ids)s::uuid[] END, %(status)s::rowlock.task_status) AS moved (id)
