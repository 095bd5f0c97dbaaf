-- A queue is paused for all tenants too, and a worker that drains takes nothing more, as explain_task has it.
CREATE OR REPLACE VIEW rowlock.stuck_tasks AS
SELECT task.id, task.tenant_id, task.queue, task.name,
       CASE WHEN task.status = 'running' THEN 'lease_expired'
            WHEN queue.paused_at IS NOT NULL THEN 'queue_paused'
            WHEN worker.id IS NULL THEN 'no_worker'
            WHEN handler.name IS NULL THEN 'no_handler'
            ELSE 'waiting' END AS code,
       greatest(task.visible_at, task.lease_expires_at) AS ready_since,
       extract(epoch FROM rowlock.clock() - greatest(task.visible_at, task.lease_expires_at)) AS waited_seconds
  FROM rowlock.tasks_live AS task
  LEFT JOIN LATERAL (
        SELECT held.paused_at FROM rowlock.queues AS held
         WHERE held.tenant_id IN (task.tenant_id, '*') AND held.name = task.queue AND held.paused_at IS NOT NULL LIMIT 1) AS queue ON true
  LEFT JOIN rowlock.handlers AS handler ON handler.name = task.name
  LEFT JOIN LATERAL (
        SELECT live.id FROM rowlock.workers AS live
         WHERE task.queue = ANY (live.queues) AND live.stopped_at IS NULL AND live.expires_at > rowlock.clock() AND NOT live.draining LIMIT 1) AS worker ON true
 WHERE greatest(task.visible_at, task.lease_expires_at) < rowlock.clock() - interval '1 minute' AND task.status IN ('pending', 'running');
