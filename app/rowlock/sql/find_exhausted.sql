-- Live tasks that the leader would take back: the lease of their last attempt has run out.
-- Index: tasks_live_moved, which has every last attempt. Locks: none. Fence: none; a read.
SELECT task.id
  FROM rowlock.tasks_live AS task
 WHERE task.lease_moved AND task.status = 'running' AND task.visible_at <= rowlock.clock()
   AND task.attempt >= task.max_attempts
 LIMIT %(limit)s
