-- One of these ids under which a task has finished that does not answer the request beside it: the tenant's own, which
-- made it under the same idempotency key, does as long as that key is reserved for it.
-- Index: the primary key of each day, idempotency_keys' primary key. Locks: none. Fence: none; a read.
SELECT task.id
  FROM unnest(%(ids)s::uuid[], %(keys)s::text[]) AS asked (id, key)
  JOIN rowlock.tasks AS task ON task.id = asked.id AND task.expires_on < '9999-12-31'
 WHERE NOT EXISTS (
        SELECT FROM rowlock.idempotency_keys AS held
         WHERE held.tenant_id = %(tenant_id)s AND held.key = asked.key
           AND held.task_id = task.id AND held.expires_at > rowlock.clock())
 LIMIT 1
