-- How the children of a task stand, counted by status.
-- Index: tasks_parent. Locks: none. Fence: none; a read.
SELECT rowlock.public_status(task.status, task.visible_at, task.attempt) AS status, count(*) AS tasks
  FROM rowlock.tasks AS task
 WHERE task.parent_id = %(parent_id)s AND task.tenant_id = %(tenant_id)s
   AND (%(name)s::text IS NULL OR task.name = %(name)s)
 GROUP BY 1
