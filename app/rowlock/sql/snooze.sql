-- Puts attempts back whose handlers said not yet, or that a stopping worker gives up: the attempt is not spent.
-- Index: tasks_live's primary key. Locks: the rows put back; it waits for each no longer than lock_timeout.
-- Fence: lease_token beside the id.
WITH outcome AS MATERIALIZED (
    SELECT said.id, said.lease_token, said.delay_seconds, said.outcome, said.reason, said.error, said.traceback
      FROM unnest(%(ids)s::uuid[], %(lease_tokens)s::bigint[], %(delay_seconds)s::double precision[],
                  %(outcomes)s::rowlock.execution_outcome[], %(reasons)s::text[], %(errors)s::text[],
                  %(tracebacks)s::text[])
        AS said (id, lease_token, delay_seconds, outcome, reason, error, traceback)
     WHERE (SELECT set_config('lock_timeout', %(lock_timeout)s, true)) IS NOT NULL
), put_back AS MATERIALIZED (
    UPDATE rowlock.tasks_live AS task
       SET status = 'pending',
           attempt = task.attempt - 1,
           visible_at = rowlock.clock() + make_interval(
               secs => CASE WHEN task.cancel_requested_at IS NULL THEN outcome.delay_seconds ELSE 0 END),
           lease_token = NULL,
           worker_id = NULL,
           lease_expires_at = NULL,
           lease_moved = NULL,
           reason = outcome.reason,
           error = coalesce(outcome.error, task.error)
      FROM outcome
     WHERE task.id = outcome.id AND task.lease_token = outcome.lease_token
    RETURNING outcome.*, task.tenant_id, task.queue, task.name, task.started_at, task.wait_seconds,
              (task.attempt + 1)::smallint AS ended_attempt
), attempts AS (
    INSERT INTO rowlock.executions (
        task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome, wait_seconds, run_seconds,
        attempt, tenant_id, queue, name, reason, error, traceback)
    SELECT put_back.id, put_back.started_at, rowlock.clock(), put_back.lease_token, rowlock.execution_day(),
           %(worker_id)s, put_back.outcome, put_back.wait_seconds,
           extract(epoch FROM rowlock.clock() - put_back.started_at), put_back.ended_attempt, put_back.tenant_id,
           put_back.queue, put_back.name, put_back.reason, put_back.error, put_back.traceback
      FROM put_back
)
SELECT put_back.lease_token FROM put_back
