-- Cancels a task by the SQL function that every language uses: cancelled, or cancel_requested where it runs.
-- Index: tasks_live's primary key. Locks: its row, and that of a finished task of its id that makes room.
-- Fence: the row lock, and the lease token in the function's writes.
SELECT rowlock.cancel(task_id => %(id)s, tenant_id => %(tenant_id)s, reason => %(reason)s, actor => %(actor)s,
                      request_id => %(request_id)s)
