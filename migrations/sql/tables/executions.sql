-- History of attempts: appended by the statement that ends the attempt, never updated.

CREATE TABLE rowlock.executions (
    task_id      uuid                      NOT NULL,
    started_at   timestamptz               NOT NULL,
    finished_at  timestamptz               NOT NULL,
    lease_token  bigint                    NOT NULL,
    finished_on  date                      NOT NULL,
    worker_id    integer                   NOT NULL,
    outcome      rowlock.execution_outcome NOT NULL,
    wait_seconds real,
    run_seconds  real                      NOT NULL,
    attempt      smallint                  NOT NULL,
    tenant_id    text COLLATE "C"          NOT NULL,
    queue        text COLLATE "C"          NOT NULL,
    name         text COLLATE "C"          NOT NULL,
    reason       text,
    error        text,
    traceback    text
) PARTITION BY RANGE (finished_on);

-- UUIDv7 makes task_id nearly ordered, so a block-range index finds a task's attempts at a hundredth of a B-tree's cost.
CREATE INDEX executions_task ON rowlock.executions
    USING brin (task_id uuid_minmax_multi_ops) WITH (pages_per_range = 32, autosummarize = on);

COMMENT ON TABLE rowlock.executions IS 'Finished attempts, one row each, append-only, one partition a day.';
COMMENT ON COLUMN rowlock.executions.task_id IS 'Task that was attempted.';
COMMENT ON COLUMN rowlock.executions.started_at IS 'When the attempt was claimed.';
COMMENT ON COLUMN rowlock.executions.finished_at IS 'When its end was recorded.';
COMMENT ON COLUMN rowlock.executions.lease_token IS 'Lease under which it ran.';
COMMENT ON COLUMN rowlock.executions.finished_on IS 'Day under which the row is filed: that of finished_at, or the last one that has a partition.';
COMMENT ON COLUMN rowlock.executions.worker_id IS 'Worker that held the lease.';
COMMENT ON COLUMN rowlock.executions.outcome IS 'How the attempt ended.';
COMMENT ON COLUMN rowlock.executions.wait_seconds IS 'How long the task was visible before it was claimed.';
COMMENT ON COLUMN rowlock.executions.run_seconds IS 'From the claim to the end.';
COMMENT ON COLUMN rowlock.executions.attempt IS 'Number of the attempt, from 1.';
COMMENT ON COLUMN rowlock.executions.tenant_id IS 'Tenant that owns the task.';
COMMENT ON COLUMN rowlock.executions.queue IS 'Queue of the task.';
COMMENT ON COLUMN rowlock.executions.name IS 'Handler of the task.';
COMMENT ON COLUMN rowlock.executions.reason IS 'Reason code where the attempt did not succeed.';
COMMENT ON COLUMN rowlock.executions.error IS 'Message of the failure.';
COMMENT ON COLUMN rowlock.executions.traceback IS 'Traceback of the failure.';
