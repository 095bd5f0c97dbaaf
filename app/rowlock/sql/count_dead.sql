-- Dead letters of every tenant and queue.
-- Index: that of each day's dead letters. Locks: none. Fence: none; a read.
SELECT task.tenant_id, task.queue, count(*) AS dead
  FROM rowlock.tasks AS task
 WHERE task.status = 'dead' AND task.expires_on < '9999-12-31'
 GROUP BY task.tenant_id, task.queue
