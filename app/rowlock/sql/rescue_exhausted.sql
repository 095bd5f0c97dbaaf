-- Takes back what ran out of its lease during its last attempt, which no claim takes any more. A task that ran alone, or
-- was to have one attempt only, goes to the dead letters. Any other may have died of what ran beside it: it gets the attempt
-- back, and is claimed again to run alone.
-- Index: tasks_live_moved, which has every last attempt. Locks: the rows taken back, skipping others'. Fence: the lease has
-- run out by the database's clock, checked on the row that is locked. One that was written to meanwhile lies where this
-- statement's snapshot does not see it, and is left for the next round.
WITH locked AS MATERIALIZED (
    SELECT task.ctid AS place, task.id, task.started_at, task.lease_token, task.worker_id, task.wait_seconds, task.attempt,
           task.tenant_id, task.queue, task.name,
           task.max_attempts = 1 OR task.alone_token IS NOT DISTINCT FROM task.lease_token AS to_blame
      FROM rowlock.tasks_live AS task
     WHERE task.lease_moved AND task.status = 'running' AND task.visible_at <= rowlock.clock()
       AND task.attempt >= task.max_attempts
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
), spent AS MATERIALIZED (
    SELECT locked.* FROM locked WHERE (SELECT true FROM rowlock.tasks_live AS seen WHERE seen.ctid = locked.place)
), ended AS MATERIALIZED (
    DELETE FROM rowlock.tasks_live AS task
     WHERE task.ctid = ANY (ARRAY(SELECT spent.place FROM spent WHERE spent.to_blame))
    RETURNING task.*
), spared AS (
    UPDATE rowlock.tasks_live AS task
       SET status = 'pending', attempt = task.attempt - 1, visible_at = rowlock.clock(), lease_token = NULL,
           worker_id = NULL, lease_expires_at = NULL, lease_moved = NULL, lost_lease = true,
           reason = 'lease_expired'
     WHERE task.ctid = ANY (ARRAY(SELECT spent.place FROM spent WHERE NOT spent.to_blame))
), history AS (
    INSERT INTO rowlock.tasks (
        id, visible_at, created_at, started_at, finished_at, lease_token, expires_on, status, worker_id, timeout_seconds,
        wait_seconds, priority, attempt, max_attempts, payload_version, tenant_id, queue, lane, name, payload, result,
        reason, error, progress, tags, metadata, idempotency_key, unique_key, parent_id, workflow_id, schedule_id,
        window_at, cancel_requested_at, deadline_at)
    SELECT ended.id, ended.visible_at, ended.created_at, ended.started_at, rowlock.clock(), ended.lease_token,
           rowlock.expiry_day(ended.tenant_id, ended.queue, 'dead'), 'dead', ended.worker_id,
           ended.timeout_seconds, ended.wait_seconds, ended.priority, ended.attempt, ended.max_attempts,
           ended.payload_version, ended.tenant_id, ended.queue, ended.lane, ended.name, ended.payload, NULL,
           'lease_expired', format('Worker %%s vanished during attempt %%s of %%s.', ended.worker_id, ended.attempt, ended.max_attempts),
           ended.progress, ended.tags, ended.metadata, ended.idempotency_key, ended.unique_key, ended.parent_id,
           ended.workflow_id, ended.schedule_id, ended.window_at, ended.cancel_requested_at, ended.deadline_at
      FROM ended
), attempts AS (
    INSERT INTO rowlock.executions (
        task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome, wait_seconds, run_seconds,
        attempt, tenant_id, queue, name, reason)
    SELECT spent.id, spent.started_at, rowlock.clock(), spent.lease_token, rowlock.execution_day(), spent.worker_id,
           'lease_expired', spent.wait_seconds, extract(epoch FROM rowlock.clock() - spent.started_at), spent.attempt,
           spent.tenant_id, spent.queue, spent.name, 'lease_expired'
      FROM spent
)
SELECT spent.id, spent.tenant_id, spent.queue, spent.name, spent.to_blame AS dead FROM spent
