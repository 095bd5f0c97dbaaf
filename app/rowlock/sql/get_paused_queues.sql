-- Queues that are paused, for a tenant or (*) for all of them.
-- Index: none; queues is small. Locks: none. Fence: none; a read.
SELECT queue.tenant_id, queue.name FROM rowlock.queues AS queue WHERE queue.paused_at IS NOT NULL
