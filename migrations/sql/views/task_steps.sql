CREATE VIEW rowlock.task_steps AS
SELECT step.task_id, step.tenant_id,
       CASE step.occurrence WHEN 1 THEN step.name ELSE step.name || '#' || step.occurrence END AS step,
       step.name, step.occurrence, step.attempt, step.recorded_at, step.run_seconds, step.result,
       octet_length(step.result::text) AS result_bytes, step.lease_token
  FROM rowlock.steps AS step;
COMMENT ON VIEW rowlock.task_steps IS 'Finished steps of tasks with what they returned; ask for the task_id, by which they are found.';
