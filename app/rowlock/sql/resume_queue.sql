-- Lets a paused queue's tasks be claimed again by the SQL function that every language uses.
-- Index: queues' primary key. Locks: its row. Fence: only a paused queue is resumed.
SELECT rowlock.resume_queue(queue => %(queue)s, tenant_id => %(tenant_id)s, actor => %(actor)s, request_id => %(request_id)s)
