-- One task, live or finished; the latest row where an id was used again, whatever day that is filed under.
-- Index: each partition's primary key. Locks: none. Fence: none; a read.
SELECT task.id, task.tenant_id, task.queue, task.name, task.priority, task.lane,
       rowlock.public_status(task.status, task.visible_at, task.attempt) AS status, task.attempt, task.max_attempts,
       task.created_at, greatest(task.visible_at, task.lease_expires_at) AS visible_at, task.started_at,
       task.finished_at, task.worker_id, task.timeout_seconds,
       task.wait_seconds, task.payload, task.payload_version, task.result, task.reason, task.error, task.progress,
       task.tags, task.metadata, task.idempotency_key, task.unique_key, task.parent_id, task.workflow_id,
       task.schedule_id, task.window_at, task.cancel_requested_at, task.deadline_at, task.result_version,
       task.expires_on
  FROM rowlock.tasks AS task
 WHERE task.id = %(id)s AND task.tenant_id = %(tenant_id)s
 ORDER BY task.finished_at DESC NULLS FIRST
 LIMIT 1
