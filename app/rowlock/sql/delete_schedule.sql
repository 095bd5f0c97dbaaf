-- Deletes a schedule. Its windows stay until their retention ends, and tasks that it made go on. Raises RL404.
-- Index: schedules' primary key. Locks: the schedule's row. Fence: none; a deletion that comes late finds nothing.
SELECT rowlock.delete_schedule(%(name)s, %(tenant_id)s, %(actor)s, %(request_id)s) AS id
