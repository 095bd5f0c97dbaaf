-- Stores one task of a schedule outside its windows, whether the schedule is paused or not. Raises RL404, and 23505 where a
-- task has the id, live or finished.
-- Index: schedules' primary key, that of each day; inserts into all of tasks_live's. Locks: waits for another transaction
-- that stores a task under the same id. Fence: the primary key of live tasks; who finished before that.
SELECT rowlock.trigger_schedule(%(name)s, %(tenant_id)s, %(actor)s, %(request_id)s, %(task_id)s) AS task_id
