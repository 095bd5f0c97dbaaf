-- The same view as it was while it knew of ready tasks alone.
CREATE OR REPLACE VIEW rowlock.oldest_ready AS
SELECT task.tenant_id, task.queue, min(task.visible_at) AS ready_since,
       extract(epoch FROM rowlock.clock() - min(task.visible_at)) AS lag_seconds
  FROM rowlock.tasks_live AS task
 WHERE task.status = 'pending' AND task.visible_at <= rowlock.clock()
 GROUP BY task.tenant_id, task.queue;
COMMENT ON VIEW rowlock.oldest_ready IS 'How long the oldest ready task of each queue has waited.';
