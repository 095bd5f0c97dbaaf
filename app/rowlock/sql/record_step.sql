-- Keeps what a step returned, and answers with what is kept: the same again for whoever asks again.
-- Index: tasks_live's primary key, then steps' primary key of each day there is.
-- Locks: the task's row, shared: steps of one task may be kept side by side, but neither a takeover nor an end slips in
-- between. It waits for each lock no longer than lock_timeout.
-- Fence: lease_token beside the id; no row means that the lease is lost.
-- A twin that is on its way at this moment (sent again after a lost reply) is no `earlier` one yet, but meets the key: it
-- says the same, so either may stay. Across midnight both may, and readers take the first. A step is never older than its
-- task, though a new primary's clock may be behind: else the next attempt would not find it.
WITH held AS MATERIALIZED (
    SELECT task.id, task.tenant_id, task.attempt, task.created_at
      FROM rowlock.tasks_live AS task
     WHERE task.id = %(task_id)s AND task.lease_token = %(lease_token)s AND task.tenant_id = %(tenant_id)s
       AND (SELECT set_config('lock_timeout', %(lock_timeout)s, true)) IS NOT NULL
       FOR SHARE
), earlier AS MATERIALIZED (
    SELECT step.result
      FROM held
      JOIN rowlock.steps AS step
        ON step.task_id = held.id AND step.tenant_id = held.tenant_id AND step.recorded_at >= held.created_at
     WHERE step.name = %(name)s AND step.occurrence = %(occurrence)s
     ORDER BY step.recorded_at
     LIMIT 1
), recorded AS (
    INSERT INTO rowlock.steps AS step (
        task_id, recorded_at, lease_token, filed_on, run_seconds, occurrence, attempt, tenant_id, name, result)
    SELECT held.id, greatest(rowlock.clock(), held.created_at), %(lease_token)s::bigint, rowlock.step_day(), %(run_seconds)s::real,
           %(occurrence)s::smallint, held.attempt, held.tenant_id, %(name)s::text, %(result)s::jsonb
      FROM held
     WHERE NOT EXISTS (SELECT FROM earlier)
    ON CONFLICT (task_id, name, occurrence, filed_on) DO UPDATE
       SET recorded_at = excluded.recorded_at, lease_token = excluded.lease_token, run_seconds = excluded.run_seconds,
           attempt = excluded.attempt, tenant_id = excluded.tenant_id, result = excluded.result
    RETURNING step.result
)
SELECT earlier.result FROM earlier
UNION ALL
SELECT recorded.result FROM recorded
