-- Puts a dead or cancelled task back to work by the SQL function that every language uses.
-- Index: each partition's primary key. Locks: its row. Fence: the row is deleted where it lay, so it is redriven once.
SELECT rowlock.redrive(task_id => %(id)s, tenant_id => %(tenant_id)s, actor => %(actor)s, request_id => %(request_id)s)
