-- What has run out of its lease waits as well. No wait begins before visible_at, which is asked for besides, because it has
-- an index: few may be due among many that are not.
CREATE OR REPLACE VIEW rowlock.oldest_ready AS
SELECT task.tenant_id, task.queue, min(greatest(task.visible_at, task.lease_expires_at)) AS ready_since,
       extract(epoch FROM rowlock.clock() - min(greatest(task.visible_at, task.lease_expires_at))) AS lag_seconds
  FROM rowlock.tasks_live AS task
 WHERE task.status IN ('pending', 'running') AND task.visible_at <= rowlock.clock()
   AND greatest(task.visible_at, task.lease_expires_at) <= rowlock.clock()
 GROUP BY task.tenant_id, task.queue;
COMMENT ON VIEW rowlock.oldest_ready IS
    'How long the oldest task of each queue that could be claimed has waited: since it became ready, or since its lease ended.';
