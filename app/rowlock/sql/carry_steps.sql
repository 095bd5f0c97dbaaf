-- Looks at some steps of a day that is to be dropped, in order of their keys, and carries to today those whose task may
-- still run (live, or dead or cancelled and so to be redriven) and those that were filed too early for want of partitions.
-- Answers with the last key looked at, and how many were carried; no row means that there is nothing more to look at.
-- Index: steps' primary key of that day; the primary keys of tasks' partitions. Locks: the rows carried.
-- Fence: none; nobody changes a step, and steps of that day are not written any more.
WITH looked_at AS MATERIALIZED (
    SELECT step.ctid AS place, step.task_id, step.name, step.occurrence, step.tenant_id, step.recorded_at
      FROM rowlock.steps AS step
     WHERE step.filed_on = %(day)s::date
       AND (step.task_id, step.name, step.occurrence)
           > (%(past_task)s::uuid, %(past_name)s::text, %(past_occurrence)s::integer)
     ORDER BY step.task_id, step.name, step.occurrence
     LIMIT %(limit)s
), may_run AS MATERIALIZED (
    SELECT asked.task_id, asked.tenant_id,
           (SELECT min(task.created_at) FROM rowlock.tasks AS task
             WHERE task.id = asked.task_id AND task.tenant_id = asked.tenant_id AND task.status <> 'succeeded') AS since
      FROM (SELECT DISTINCT looked_at.task_id, looked_at.tenant_id FROM looked_at) AS asked
), needed AS MATERIALIZED (
    SELECT looked_at.place
      FROM looked_at
      JOIN may_run USING (task_id, tenant_id)
     WHERE looked_at.recorded_at >= may_run.since
        OR (looked_at.recorded_at AT TIME ZONE 'UTC')::date >= rowlock.today() - %(step_days)s::integer
), taken AS (
    DELETE FROM rowlock.steps AS step
     WHERE step.filed_on = %(day)s::date AND step.ctid = ANY (ARRAY(SELECT needed.place FROM needed))
    RETURNING step.*
), carried AS (
    INSERT INTO rowlock.steps (
        task_id, recorded_at, lease_token, filed_on, run_seconds, occurrence, attempt, tenant_id, name, result)
    SELECT taken.task_id, taken.recorded_at, taken.lease_token, rowlock.step_day(), taken.run_seconds, taken.occurrence,
           taken.attempt, taken.tenant_id, taken.name, taken.result
      FROM taken
    ON CONFLICT (task_id, name, occurrence, filed_on) DO NOTHING
    RETURNING task_id
)
SELECT last.task_id, last.name, last.occurrence, (SELECT count(*) FROM carried) AS carried
  FROM looked_at AS last
 ORDER BY last.task_id DESC, last.name DESC, last.occurrence DESC
 LIMIT 1
