-- Stores one task of a schedule outside its windows, whether the schedule is paused or not. Raises RL404.
-- Index: schedules' primary key; inserts into all of tasks_live's. Locks: none that wait. Fence: the task's primary key.
SELECT rowlock.trigger_schedule(%(name)s, %(tenant_id)s, %(actor)s, %(request_id)s, %(task_id)s) AS task_id
