-- Ends running tasks as cancelled: their handlers stopped because they were asked to, or chose to.
-- Index: tasks_live's primary key. Locks: the rows that end; it waits for each no longer than lock_timeout.
-- Fence: lease_token beside the id.
WITH outcome AS MATERIALIZED (
    SELECT said.id, said.lease_token, said.outcome, said.reason, said.error, said.traceback
      FROM unnest(%(ids)s::uuid[], %(lease_tokens)s::bigint[], %(outcomes)s::rowlock.execution_outcome[],
                  %(reasons)s::text[], %(errors)s::text[], %(tracebacks)s::text[])
        AS said (id, lease_token, outcome, reason, error, traceback)
     WHERE (SELECT set_config('lock_timeout', %(lock_timeout)s, true)) IS NOT NULL
), ended AS MATERIALIZED (
    DELETE FROM rowlock.tasks_live AS task
     USING outcome
     WHERE task.id = outcome.id AND task.lease_token = outcome.lease_token
    RETURNING task.*, outcome.outcome AS said_outcome, outcome.reason AS said_reason, outcome.error AS said_error,
              outcome.traceback AS said_traceback
), history AS (
    INSERT INTO rowlock.tasks (
        id, visible_at, created_at, started_at, finished_at, lease_token, expires_on, status, worker_id, timeout_seconds,
        wait_seconds, priority, attempt, max_attempts, payload_version, tenant_id, queue, lane, name, payload, result,
        reason, error, progress, tags, metadata, idempotency_key, unique_key, parent_id, workflow_id, schedule_id,
        window_at, cancel_requested_at, deadline_at)
    SELECT ended.id, ended.visible_at, ended.created_at, ended.started_at, rowlock.clock(), ended.lease_token,
           rowlock.expiry_day(ended.tenant_id, ended.queue, 'cancelled'), 'cancelled', ended.worker_id,
           ended.timeout_seconds, ended.wait_seconds, ended.priority, ended.attempt, ended.max_attempts,
           ended.payload_version, ended.tenant_id, ended.queue, ended.lane, ended.name, ended.payload, NULL,
           ended.said_reason, ended.said_error, ended.progress, ended.tags, ended.metadata, ended.idempotency_key,
           ended.unique_key, ended.parent_id, ended.workflow_id, ended.schedule_id, ended.window_at,
           ended.cancel_requested_at, ended.deadline_at
      FROM ended
), attempts AS (
    INSERT INTO rowlock.executions (
        task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome, wait_seconds, run_seconds,
        attempt, tenant_id, queue, name, reason, error, traceback)
    SELECT ended.id, ended.started_at, rowlock.clock(), ended.lease_token, rowlock.execution_day(), ended.worker_id,
           ended.said_outcome, ended.wait_seconds, extract(epoch FROM rowlock.clock() - ended.started_at),
           ended.attempt, ended.tenant_id, ended.queue, ended.name, ended.said_reason, ended.said_error,
           ended.said_traceback
      FROM ended
)
SELECT ended.lease_token FROM ended
