-- Live tasks of every tenant, queue and priority by state, and how long the one that has waited longest might have been
-- claimed: ready since it became visible, or orphaned since its lease ended. And those that are left to workers that have
-- the handler or know the payload's version, for a minute from when they might be looked at again: until then a worker
-- that has it has taken them, or they wait like any other.
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
       extract(epoch FROM rowlock.clock() - min(greatest(task.visible_at, task.lease_expires_at))
               FILTER (WHERE task.status IN ('pending', 'running')
                         AND greatest(task.visible_at, task.lease_expires_at) <= rowlock.clock()))::double precision
           AS oldest_ready_seconds,
       count(*) FILTER (WHERE task.status = 'pending' AND task.reason IN ('no_handler', 'unknown_version')
                          AND task.visible_at > rowlock.clock() - interval '1 minute') AS without_handler
  FROM rowlock.tasks_live AS task
 GROUP BY task.tenant_id, task.queue, task.priority
