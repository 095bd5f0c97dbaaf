-- Ends tasks whose deadline has passed and which no worker runs, longest overdue first.
-- Index: tasks_live_deadline. Locks: the rows that end, skipping others'; those of finished tasks of their ids that make
-- room. Fence: the deadline has passed by the database's clock and no lease is held, checked on the row that is locked.
SELECT expired.id, expired.tenant_id, expired.queue, expired.name
  FROM rowlock.expire_tasks(ARRAY(
        SELECT task.id FROM rowlock.tasks_live AS task
         WHERE task.deadline_at <= rowlock.clock()
           AND (task.status <> 'running' OR greatest(task.visible_at, task.lease_expires_at) <= rowlock.clock())
         ORDER BY task.deadline_at
         LIMIT %(limit)s
           FOR UPDATE SKIP LOCKED)) AS expired
