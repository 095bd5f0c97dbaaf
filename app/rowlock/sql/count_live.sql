-- Live tasks of every tenant, queue and priority by state, and since when the oldest ready one waits.
-- Index: none; reads tasks_live once, so callers keep the answer for as long as it was expensive.
-- Locks: none. Fence: none; a read.
SELECT task.tenant_id, task.queue, task.priority,
       count(*) FILTER (WHERE task.status = 'pending' AND task.visible_at <= rowlock.clock()) AS ready,
       count(*) FILTER (WHERE task.status = 'pending' AND task.visible_at > rowlock.clock() AND task.attempt = 0) AS scheduled,
       count(*) FILTER (WHERE task.status = 'pending' AND task.visible_at > rowlock.clock() AND task.attempt > 0) AS retrying,
       count(*) FILTER (WHERE task.status = 'running'
                          AND greatest(task.visible_at, task.lease_expires_at) > rowlock.clock()) AS running,
       count(*) FILTER (WHERE task.status = 'running'
                          AND greatest(task.visible_at, task.lease_expires_at) <= rowlock.clock()) AS orphaned,
       count(*) FILTER (WHERE task.status = 'blocked') AS blocked,
       extract(epoch FROM rowlock.clock() - min(task.visible_at)
               FILTER (WHERE task.status = 'pending' AND task.visible_at <= rowlock.clock()))::double precision
           AS oldest_ready_seconds
  FROM rowlock.tasks_live AS task
 GROUP BY task.tenant_id, task.queue, task.priority
