-- The operators' views: documented, granted to the read-only role, kept stable.

CREATE VIEW rowlock.task_state AS
SELECT task.id, task.tenant_id, task.queue, task.name, task.priority, task.lane,
       CASE WHEN task.status = 'running' AND task.visible_at <= rowlock.clock() THEN 'orphaned'
            ELSE rowlock.public_status(task.status, task.visible_at, task.attempt) END AS state,
       task.attempt, task.max_attempts, task.reason, task.error, task.created_at, task.visible_at, task.started_at,
       task.finished_at, task.worker_id,
       CASE WHEN task.status = 'pending' AND task.visible_at <= rowlock.clock() THEN extract(epoch FROM rowlock.clock() - task.visible_at)
            ELSE task.wait_seconds END AS waited_seconds,
       task.tags, task.payload, task.result, task.progress, task.parent_id, task.schedule_id, task.window_at
  FROM rowlock.tasks AS task;
COMMENT ON VIEW rowlock.task_state IS
    'Every task with its derived state: blocked, scheduled, ready, running, orphaned, retrying, succeeded, dead, cancelled; and how long it waited.';

CREATE VIEW rowlock.queue_depth AS
SELECT task.tenant_id, task.queue,
       count(*) FILTER (WHERE task.status = 'pending' AND task.visible_at <= rowlock.clock()) AS ready,
       count(*) FILTER (WHERE task.status = 'pending' AND task.visible_at > rowlock.clock() AND task.attempt = 0) AS scheduled,
       count(*) FILTER (WHERE task.status = 'pending' AND task.visible_at > rowlock.clock() AND task.attempt > 0) AS retrying,
       count(*) FILTER (WHERE task.status = 'running' AND task.visible_at > rowlock.clock()) AS running,
       count(*) FILTER (WHERE task.status = 'running' AND task.visible_at <= rowlock.clock()) AS orphaned,
       count(*) FILTER (WHERE task.status = 'blocked') AS blocked
  FROM rowlock.tasks_live AS task
 GROUP BY task.tenant_id, task.queue;
COMMENT ON VIEW rowlock.queue_depth IS 'Live tasks by tenant, queue and state.';

CREATE VIEW rowlock.oldest_ready AS
SELECT task.tenant_id, task.queue, min(task.visible_at) AS ready_since,
       extract(epoch FROM rowlock.clock() - min(task.visible_at)) AS lag_seconds
  FROM rowlock.tasks_live AS task
 WHERE task.status = 'pending' AND task.visible_at <= rowlock.clock()
 GROUP BY task.tenant_id, task.queue;
COMMENT ON VIEW rowlock.oldest_ready IS 'How long the oldest ready task of each queue has waited.';

CREATE VIEW rowlock.running_tasks AS
SELECT task.id, task.tenant_id, task.queue, task.name, task.attempt, task.worker_id, worker.name AS worker,
       task.started_at, extract(epoch FROM rowlock.clock() - task.started_at) AS running_seconds,
       task.visible_at AS lease_expires_at, task.cancel_requested_at, task.progress
  FROM rowlock.tasks_live AS task LEFT JOIN rowlock.workers AS worker ON worker.id = task.worker_id
 WHERE task.status = 'running';
COMMENT ON VIEW rowlock.running_tasks IS 'What runs now, where, and until when its lease lasts.';

CREATE VIEW rowlock.stuck_tasks AS
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
COMMENT ON VIEW rowlock.stuck_tasks IS 'Tasks that could have been claimed more than a minute ago, with the reason code.';

CREATE VIEW rowlock.top_failing AS
SELECT execution.tenant_id, execution.name, count(*) AS failures, count(DISTINCT execution.task_id) AS tasks,
       max(execution.finished_at) AS latest_at,
       (array_agg(execution.error ORDER BY execution.finished_at DESC))[1] AS latest_error
  FROM rowlock.executions AS execution
 WHERE execution.outcome IN ('failed', 'timed_out', 'lease_expired')
   AND execution.finished_on >= rowlock.today() - 1 AND execution.finished_at > rowlock.clock() - interval '24 hours'
 GROUP BY execution.tenant_id, execution.name
 ORDER BY failures DESC;
COMMENT ON VIEW rowlock.top_failing IS 'Handlers by failed attempts in the last 24 hours.';

CREATE VIEW rowlock.dead_letters AS
SELECT task.id, task.tenant_id, task.queue, task.name, task.reason, task.error, task.attempt AS attempts,
       task.created_at, task.finished_at, task.expires_on, task.payload, task.tags, task.worker_id
  FROM rowlock.tasks AS task
 WHERE task.status = 'dead' AND task.expires_on < '9999-12-31';
COMMENT ON VIEW rowlock.dead_letters IS 'Tasks that are out of attempts or failed for good, until expires_on.';

CREATE VIEW rowlock.worker_health AS
SELECT worker.id, worker.name, worker.hostname, worker.pid, worker.version, worker.queues, worker.concurrency,
       worker.running, worker.draining, worker.started_at, worker.heartbeat_at,
       CASE WHEN worker.stopped_at IS NOT NULL THEN 'stopped'
            WHEN worker.expires_at <= rowlock.clock() THEN 'gone'
            ELSE worker.health END AS health,
       worker.health_reason
  FROM rowlock.workers AS worker;
COMMENT ON VIEW rowlock.worker_health IS 'Workers: healthy, degraded, unhealthy, gone (no heartbeat) or stopped.';

CREATE VIEW rowlock.schedule_status AS
SELECT schedule.tenant_id, schedule.name, schedule.trigger_kind, schedule.expression, schedule.timezone,
       schedule.missed_run_policy, schedule.paused_at IS NOT NULL AS paused, schedule.cursor_at, schedule.next_at,
       greatest(0, extract(epoch FROM rowlock.clock() - schedule.next_at)) AS lag_seconds,
       latest.window_at AS latest_window_at, latest.outcome AS latest_outcome, latest.task_id AS latest_task_id
  FROM rowlock.schedules AS schedule
  LEFT JOIN LATERAL (
        SELECT recorded.window_at, recorded.outcome, recorded.task_id FROM rowlock.schedule_windows AS recorded
         WHERE recorded.schedule_id = schedule.id ORDER BY recorded.window_at DESC LIMIT 1) AS latest ON true;
COMMENT ON VIEW rowlock.schedule_status IS 'Schedules with their cursor, next window, lag and latest window.';

CREATE VIEW rowlock.partition_sizes AS
SELECT parent.relname::text AS parent, child.relname::text AS partition,
       pg_get_expr(child.relpartbound, child.oid) AS bounds,
       pg_total_relation_size(child.oid) AS bytes, greatest(child.reltuples, 0)::bigint AS estimated_rows
  FROM pg_inherits AS link
  JOIN pg_class AS parent ON parent.oid = link.inhparent
  JOIN pg_class AS child ON child.oid = link.inhrelid
  JOIN pg_namespace AS namespace ON namespace.oid = parent.relnamespace
 WHERE namespace.nspname = '@schema@' AND parent.relkind = 'p'
 ORDER BY parent.relname, child.relname;
COMMENT ON VIEW rowlock.partition_sizes IS 'Every partition with its bounds, bytes and estimated rows.';

CREATE VIEW rowlock.lane_lag AS
SELECT task.queue, task.priority, task.lane, count(*) AS ready, min(task.visible_at) AS ready_since,
       extract(epoch FROM rowlock.clock() - min(task.visible_at)) AS lag_seconds
  FROM rowlock.tasks_live AS task
 WHERE task.status = 'pending' AND task.visible_at <= rowlock.clock()
 GROUP BY task.queue, task.priority, task.lane;
COMMENT ON VIEW rowlock.lane_lag IS 'Ready tasks of each lane and how long the oldest has waited.';
