-- What is left to workers that have the handler or know the payload's version, and none has come: by queue, name and
-- version, the most first. Until it is looked at again, that is; the same as count_live.sql counts.
-- Index: none; reads tasks_live once. Locks: none. Fence: none; a read.
SELECT task.queue, task.name, CASE task.reason WHEN 'unknown_version' THEN task.payload_version END AS version,
       count(*) AS tasks
  FROM rowlock.tasks_live AS task
 WHERE task.status = 'pending' AND task.reason IN ('no_handler', 'unknown_version')
   AND task.visible_at > rowlock.clock() - interval '1 minute'
   AND NOT EXISTS (
        SELECT FROM rowlock.queues AS held
         WHERE held.name = task.queue AND held.tenant_id IN (task.tenant_id, '*') AND held.paused_at IS NOT NULL)
 GROUP BY 1, 2, 3
 ORDER BY tasks DESC, task.queue, task.name, version
 LIMIT %(limit)s
