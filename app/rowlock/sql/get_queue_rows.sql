-- What is set for a tenant's queues, by the tenant itself and for all tenants.
-- Index: queues' primary key. Locks: none. Fence: none; a read.
SELECT queue.tenant_id, queue.name, queue.paused_at, queue.paused_by, queue.retention_succeeded_days,
       queue.retention_cancelled_days, queue.retention_dead_days, queue.description, queue.created_at
  FROM rowlock.queues AS queue
 WHERE queue.tenant_id IN (%(tenant_id)s, '*')
 ORDER BY queue.name, queue.tenant_id
