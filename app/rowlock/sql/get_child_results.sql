-- Results of a task's finished children of one name, in order of their ids, a page at a time.
-- Index: tasks_parent. Locks: none. Fence: none; a read.
SELECT task.id, task.status::text AS status, task.payload, task.result, task.error
  FROM rowlock.tasks AS task
 WHERE task.parent_id = %(parent_id)s AND task.tenant_id = %(tenant_id)s AND task.name = %(name)s
   AND task.expires_on < '9999-12-31' AND task.id > %(past)s
 ORDER BY task.id
 LIMIT %(limit)s
