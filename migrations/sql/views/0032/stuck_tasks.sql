-- What no worker could run is put off again and again, and visible_at says only when the next one looks at it: until it waits
-- like any other, a minute after that, such a task counts from when it was made.
CREATE OR REPLACE VIEW rowlock.stuck_tasks AS
SELECT task.id, task.tenant_id, task.queue, task.name,
       CASE WHEN task.status = 'running' THEN 'lease_expired'
            WHEN task.visible_at > rowlock.clock() THEN task.reason
            WHEN queue.paused_at IS NOT NULL THEN 'queue_paused'
            WHEN worker.id IS NULL THEN 'no_worker'
            WHEN looked_at.put_off THEN task.reason
            WHEN handler.name IS NULL THEN 'no_handler'
            ELSE 'waiting' END AS code,
       since.ready AS ready_since,
       extract(epoch FROM rowlock.clock() - since.ready) AS waited_seconds
  FROM rowlock.tasks_live AS task
 CROSS JOIN LATERAL (
        SELECT task.status = 'pending' AND task.reason IN ('no_handler', 'unknown_version')
               AND task.visible_at > rowlock.clock() - interval '1 minute' AS put_off) AS looked_at
 CROSS JOIN LATERAL (
        SELECT CASE WHEN looked_at.put_off THEN task.created_at
                    ELSE greatest(task.visible_at, task.lease_expires_at) END AS ready) AS since
  LEFT JOIN LATERAL (
        SELECT held.paused_at FROM rowlock.queues AS held
         WHERE held.tenant_id IN (task.tenant_id, '*') AND held.name = task.queue AND held.paused_at IS NOT NULL LIMIT 1) AS queue ON true
  LEFT JOIN rowlock.handlers AS handler ON handler.name = task.name
  LEFT JOIN LATERAL (
        SELECT live.id FROM rowlock.workers AS live
         WHERE task.queue = ANY (live.queues) AND live.stopped_at IS NULL AND live.expires_at > rowlock.clock() AND NOT live.draining LIMIT 1) AS worker ON true
 WHERE since.ready < rowlock.clock() - interval '1 minute' AND task.status IN ('pending', 'running');
COMMENT ON VIEW rowlock.stuck_tasks IS
    'Tasks that could have been claimed more than a minute ago, or that no worker could run when it looked, with the reason code.';
