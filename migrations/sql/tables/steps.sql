-- Durable steps: what the parts of a handler returned, so that the next attempt need not do them again.

CREATE TABLE rowlock.steps (
    task_id     uuid             NOT NULL,
    recorded_at timestamptz      NOT NULL,
    lease_token bigint           NOT NULL,
    filed_on    date             NOT NULL,
    run_seconds real             NOT NULL,
    occurrence  smallint         NOT NULL,
    attempt     smallint         NOT NULL,
    tenant_id   text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    result      jsonb            NOT NULL,
    PRIMARY KEY (task_id, name, occurrence, filed_on)
) PARTITION BY RANGE (filed_on);

COMMENT ON TABLE rowlock.steps IS 'Finished steps of tasks, one row each, one partition a day. The next attempt of the task takes their results instead of running them again.';
COMMENT ON COLUMN rowlock.steps.task_id IS 'Task whose handler took the step.';
COMMENT ON COLUMN rowlock.steps.recorded_at IS 'When the step was finished and kept.';
COMMENT ON COLUMN rowlock.steps.lease_token IS 'Lease under which it ran.';
COMMENT ON COLUMN rowlock.steps.filed_on IS 'Day under which the row is filed: that of recorded_at, or a later one to which it was carried because its task may still run.';
COMMENT ON COLUMN rowlock.steps.run_seconds IS 'How long the step ran, by its worker''s clock.';
COMMENT ON COLUMN rowlock.steps.occurrence IS '1 where the attempt used the name for the first time, 2 for the second, and so on.';
COMMENT ON COLUMN rowlock.steps.attempt IS 'Number of the attempt that took the step.';
COMMENT ON COLUMN rowlock.steps.tenant_id IS 'Tenant that owns the task.';
COMMENT ON COLUMN rowlock.steps.name IS 'Name that the handler gave the step.';
COMMENT ON COLUMN rowlock.steps.result IS 'What the step returned; a JSON null where it returned nothing.';
