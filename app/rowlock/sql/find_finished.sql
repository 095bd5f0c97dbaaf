-- One of these ids under which a task has finished, if there is any.
-- Index: the primary key of each day. Locks: none. Fence: none; a read.
SELECT task.id
  FROM rowlock.tasks AS task
 WHERE task.id = ANY (%(ids)s::uuid[]) AND task.expires_on < '9999-12-31'
 LIMIT 1
