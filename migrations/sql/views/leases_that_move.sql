-- The same views as they were while visible_at alone told whether a lease lasts.

CREATE OR REPLACE VIEW rowlock.task_state AS
SELECT task.id, task.tenant_id, task.queue, task.name, task.priority, task.lane,
       CASE WHEN task.status = 'running' AND task.visible_at <= rowlock.clock() THEN 'orphaned'
            ELSE rowlock.public_status(task.status, task.visible_at, task.attempt) END AS state,
       task.attempt, task.max_attempts, task.reason, task.error, task.created_at, task.visible_at, task.started_at,
       task.finished_at, task.worker_id,
       CASE WHEN task.status = 'pending' AND task.visible_at <= rowlock.clock() THEN extract(epoch FROM rowlock.clock() - task.visible_at)
            ELSE task.wait_seconds END AS waited_seconds,
       task.tags, task.payload, task.result, task.progress, task.parent_id, task.schedule_id, task.window_at
  FROM rowlock.tasks AS task;

CREATE OR REPLACE VIEW rowlock.queue_depth AS
SELECT task.tenant_id, task.queue,
       count(*) FILTER (WHERE task.status = 'pending' AND task.visible_at <= rowlock.clock()) AS ready,
       count(*) FILTER (WHERE task.status = 'pending' AND task.visible_at > rowlock.clock() AND task.attempt = 0) AS scheduled,
       count(*) FILTER (WHERE task.status = 'pending' AND task.visible_at > rowlock.clock() AND task.attempt > 0) AS retrying,
       count(*) FILTER (WHERE task.status = 'running' AND task.visible_at > rowlock.clock()) AS running,
       count(*) FILTER (WHERE task.status = 'running' AND task.visible_at <= rowlock.clock()) AS orphaned,
       count(*) FILTER (WHERE task.status = 'blocked') AS blocked
  FROM rowlock.tasks_live AS task
 GROUP BY task.tenant_id, task.queue;

CREATE OR REPLACE VIEW rowlock.running_tasks AS
SELECT task.id, task.tenant_id, task.queue, task.name, task.attempt, task.worker_id, worker.name AS worker,
       task.started_at, extract(epoch FROM rowlock.clock() - task.started_at) AS running_seconds,
       task.visible_at AS lease_expires_at, task.cancel_requested_at, task.progress
  FROM rowlock.tasks_live AS task LEFT JOIN rowlock.workers AS worker ON worker.id = task.worker_id
 WHERE task.status = 'running';

CREATE OR REPLACE VIEW rowlock.stuck_tasks AS
SELECT task.id, task.tenant_id, task.queue, task.name,
       CASE WHEN task.status = 'running' THEN 'lease_expired'
            WHEN queue.paused_at IS NOT NULL THEN 'queue_paused'
            WHEN worker.id IS NULL THEN 'no_worker'
            WHEN handler.name IS NULL THEN 'no_handler'
            ELSE 'waiting' END AS code,
       task.visible_at AS ready_since, extract(epoch FROM rowlock.clock() - task.visible_at) AS waited_seconds
  FROM rowlock.tasks_live AS task
  LEFT JOIN rowlock.queues AS queue
         ON queue.tenant_id = task.tenant_id AND queue.name = task.queue AND queue.paused_at IS NOT NULL
  LEFT JOIN rowlock.handlers AS handler ON handler.name = task.name
  LEFT JOIN LATERAL (
        SELECT live.id FROM rowlock.workers AS live
         WHERE task.queue = ANY (live.queues) AND live.stopped_at IS NULL AND live.expires_at > rowlock.clock() LIMIT 1) AS worker ON true
 WHERE task.visible_at < rowlock.clock() - interval '1 minute' AND task.status IN ('pending', 'running');
