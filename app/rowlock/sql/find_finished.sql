-- One of these ids under which a task has finished that does not answer the request beside it: the tenant's own, under the
-- same idempotency key, does.
-- Index: the primary key of each day. Locks: none. Fence: none; a read.
SELECT task.id
  FROM unnest(%(ids)s::uuid[], %(keys)s::text[]) AS asked (id, key)
  JOIN rowlock.tasks AS task ON task.id = asked.id AND task.expires_on < '9999-12-31'
 WHERE (task.tenant_id = %(tenant_id)s AND task.idempotency_key = asked.key) IS NOT TRUE
 LIMIT 1
