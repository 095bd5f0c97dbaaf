-- What a worker of these queues could claim now, and what it runs, counted by name and status; for tests that drain queues.
-- Index: tasks_live_claim. Locks: none. Fence: none; a read.
SELECT task.name, task.status::text AS status, count(*) AS tasks
  FROM rowlock.tasks_live AS task
 WHERE task.queue = ANY (%(queues)s::text[])
   AND (task.status = 'running' AND task.worker_id = %(worker_id)s
        OR greatest(task.visible_at, task.lease_expires_at) <= rowlock.clock() AND task.attempt < task.max_attempts
           AND (task.deadline_at IS NULL OR task.deadline_at > rowlock.clock())
           AND NOT EXISTS (
                SELECT FROM rowlock.queues AS held
                 WHERE held.name = task.queue AND held.tenant_id IN (task.tenant_id, '*') AND held.paused_at IS NOT NULL))
 GROUP BY task.name, task.status
 ORDER BY task.name, task.status
