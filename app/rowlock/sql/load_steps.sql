-- The steps that a running task has finished, for the attempt that asks. A task without any has one row without a name.
-- Index: tasks_live's primary key, then steps' primary key of each day there is: a step may lie under an earlier day than
-- its own, so no day is left out. Locks: none.
-- Fence: lease_token beside the id; no row means that the lease is lost. Only what is not older than the task counts:
-- an id may have been used before, and what its first task did is not done for the second.
SELECT step.name, step.occurrence, step.result
  FROM rowlock.tasks_live AS task
  LEFT JOIN rowlock.steps AS step
    ON step.task_id = task.id AND step.tenant_id = task.tenant_id AND step.recorded_at >= task.created_at
 WHERE task.id = %(task_id)s AND task.lease_token = %(lease_token)s AND task.tenant_id = %(tenant_id)s
 ORDER BY step.recorded_at
