-- Concurrency caps of a tenant's lanes in one queue.
-- Index: limits' primary key. Locks: none. Fence: none; a read.
SELECT cap.lane, cap.max_running, cap.created_at
  FROM rowlock.limits AS cap
 WHERE cap.queue = %(queue)s AND cap.tenant_id = %(tenant_id)s
 ORDER BY cap.lane
 LIMIT %(limit)s
