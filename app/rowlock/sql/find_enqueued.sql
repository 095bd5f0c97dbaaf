-- Tasks, live or finished, of one name and with these arguments among others, in order of their ids; for tests.
-- Index: none; a test's few rows. Locks: none. Fence: none; a read.
SELECT task.id
  FROM rowlock.tasks AS task
 WHERE task.tenant_id = %(tenant_id)s AND (%(name)s::text IS NULL OR task.name = %(name)s)
   AND NOT EXISTS (
        SELECT FROM jsonb_each(%(arguments)s::jsonb) AS wanted
         WHERE task.payload -> wanted.key IS DISTINCT FROM wanted.value)
 ORDER BY task.id
 LIMIT %(limit)s
