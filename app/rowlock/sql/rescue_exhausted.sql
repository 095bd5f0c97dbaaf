-- Sends to the dead letters what ran out of attempts and of its lease: no claim takes such a task any more.
-- Index: tasks_live_running. Locks: the rows that end, skipping others'. Fence: the lease has run out by the
-- database's clock, checked on the row that is locked.
WITH spent AS MATERIALIZED (
    SELECT task.ctid AS place
      FROM rowlock.tasks_live AS task
     WHERE task.status = 'running' AND task.visible_at <= rowlock.clock() AND task.attempt >= task.max_attempts
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
), ended AS MATERIALIZED (
    DELETE FROM rowlock.tasks_live AS task
     WHERE task.ctid = ANY (ARRAY(SELECT spent.place FROM spent))
    RETURNING task.*
), history AS (
    INSERT INTO rowlock.tasks (
        id, visible_at, created_at, started_at, finished_at, lease_token, expires_on, status, worker_id, timeout_seconds,
        wait_seconds, priority, attempt, max_attempts, payload_version, tenant_id, queue, lane, name, payload, result,
        reason, error, progress, tags, metadata, idempotency_key, unique_key, parent_id, workflow_id, schedule_id,
        window_at, cancel_requested_at)
    SELECT ended.id, ended.visible_at, ended.created_at, ended.started_at, rowlock.clock(), ended.lease_token,
           rowlock.expiry_day(ended.tenant_id, ended.queue, 'dead'), 'dead', ended.worker_id,
           ended.timeout_seconds, ended.wait_seconds, ended.priority, ended.attempt, ended.max_attempts,
           ended.payload_version, ended.tenant_id, ended.queue, ended.lane, ended.name, ended.payload, NULL,
           'lease_expired', format('Worker %%s vanished during attempt %%s of %%s.', ended.worker_id, ended.attempt, ended.max_attempts),
           ended.progress, ended.tags, ended.metadata, ended.idempotency_key, ended.unique_key, ended.parent_id,
           ended.workflow_id, ended.schedule_id, ended.window_at, ended.cancel_requested_at
      FROM ended
), attempts AS (
    INSERT INTO rowlock.executions (
        task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome, wait_seconds, run_seconds,
        attempt, tenant_id, queue, name, reason)
    SELECT ended.id, ended.started_at, rowlock.clock(), ended.lease_token, rowlock.execution_day(), ended.worker_id,
           'lease_expired', ended.wait_seconds, extract(epoch FROM rowlock.clock() - ended.started_at), ended.attempt,
           ended.tenant_id, ended.queue, ended.name, 'lease_expired'
      FROM ended
)
SELECT ended.id, ended.tenant_id, ended.queue, ended.name FROM ended
