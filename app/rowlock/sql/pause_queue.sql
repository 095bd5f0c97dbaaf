-- Stops the claiming of a queue's tasks by the SQL function that every language uses.
-- Index: queues' primary key. Locks: its row. Fence: an earlier pause is kept as it is.
SELECT rowlock.pause_queue(queue => %(queue)s, tenant_id => %(tenant_id)s, actor => %(actor)s, request_id => %(request_id)s)
