-- Live tasks that the leader would end as dead, or take back: their deadline has passed, or the lease of their last attempt
-- has run out, and no worker runs them.
-- Index: tasks_live_deadline; tasks_live_moved, which has every last attempt. Locks: none. Fence: none; a read.
(SELECT task.id
   FROM rowlock.tasks_live AS task
  WHERE task.deadline_at <= rowlock.clock()
    AND (task.status <> 'running' OR greatest(task.visible_at, task.lease_expires_at) <= rowlock.clock())
  ORDER BY task.deadline_at
  LIMIT %(limit)s)
UNION
(SELECT task.id
   FROM rowlock.tasks_live AS task
  WHERE task.lease_moved AND task.status = 'running' AND task.visible_at <= rowlock.clock()
    AND task.attempt >= task.max_attempts
  LIMIT %(limit)s)
