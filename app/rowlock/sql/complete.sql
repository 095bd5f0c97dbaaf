-- Finishes attempts that succeeded and returned nothing: moves the task to the day it may be dropped, appends the execution.
-- Index: tasks_live's primary key. Locks: the finished rows; it waits for each no longer than lock_timeout.
-- Fence: lease_token, unique for ever, beside the id.
-- Two arrays and ANY, because a join with unnest costs twice as much; a token belongs to one attempt of one task. The tokens
-- go through IN … IS TRUE, which is a hashed lookup: ANY compares each row with all of them. No word of the status: only
-- a running task has a token.
WITH ended AS MATERIALIZED (
    DELETE FROM rowlock.tasks_live AS task
     WHERE task.id = ANY (%(ids)s::uuid[])
       AND (task.lease_token IN (SELECT unnest(%(lease_tokens)s::bigint[]))) IS TRUE
       AND (SELECT set_config('lock_timeout', %(lock_timeout)s, true)) IS NOT NULL
    RETURNING task.*
), history AS (
    INSERT INTO rowlock.tasks (
        id, visible_at, created_at, started_at, finished_at, lease_token, expires_on, status, worker_id, timeout_seconds,
        wait_seconds, priority, attempt, max_attempts, payload_version, tenant_id, queue, lane, name, payload, result,
        reason, error, progress, tags, metadata, idempotency_key, unique_key, parent_id, workflow_id, schedule_id,
        window_at, cancel_requested_at, deadline_at)
    SELECT ended.id, ended.visible_at, ended.created_at, ended.started_at, rowlock.clock(), ended.lease_token,
           least(rowlock.today() + coalesce(settings.retention_succeeded_days, 7),
                 (SELECT last_day FROM rowlock.partition_horizon WHERE parent = 'tasks')), 'succeeded',
           ended.worker_id, ended.timeout_seconds, ended.wait_seconds, ended.priority, ended.attempt,
           ended.max_attempts, ended.payload_version, ended.tenant_id, ended.queue, ended.lane, ended.name,
           ended.payload, NULL, NULL, NULL, ended.progress, ended.tags, ended.metadata,
           ended.idempotency_key, ended.unique_key, ended.parent_id, ended.workflow_id, ended.schedule_id,
           ended.window_at, NULL, ended.deadline_at
      FROM ended
      LEFT JOIN rowlock.queues AS settings ON settings.tenant_id = ended.tenant_id AND settings.name = ended.queue
), attempts AS (
    INSERT INTO rowlock.executions (
        task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome, wait_seconds, run_seconds,
        attempt, tenant_id, queue, name)
    SELECT ended.id, ended.started_at, rowlock.clock(), ended.lease_token,
           least(rowlock.today(), (SELECT last_day FROM rowlock.partition_horizon WHERE parent = 'executions')),
           ended.worker_id, 'succeeded', ended.wait_seconds, date_part('epoch', rowlock.clock() - ended.started_at),
           ended.attempt, ended.tenant_id, ended.queue, ended.name
      FROM ended
)
SELECT ended.lease_token FROM ended
