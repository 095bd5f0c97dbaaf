-- One logical table; live rows under a sentinel day, finished rows under the day on which they may be dropped.

CREATE TABLE rowlock.tasks (
    id              uuid                NOT NULL,
    visible_at      timestamptz         NOT NULL DEFAULT rowlock.clock(),
    created_at      timestamptz         NOT NULL DEFAULT rowlock.clock(),
    started_at      timestamptz,
    finished_at     timestamptz,
    lease_token     bigint,
    expires_on      date                NOT NULL DEFAULT '9999-12-31',
    status          rowlock.task_status NOT NULL DEFAULT 'pending',
    worker_id       integer,
    timeout_seconds real,
    wait_seconds    real,
    priority        smallint            NOT NULL DEFAULT 2,
    attempt         smallint            NOT NULL DEFAULT 0,
    max_attempts    smallint            NOT NULL DEFAULT 4,
    payload_version smallint            NOT NULL DEFAULT 1,
    tenant_id       text COLLATE "C"    NOT NULL DEFAULT 'default',
    queue           text COLLATE "C"    NOT NULL DEFAULT 'default',
    lane            text COLLATE "C"    NOT NULL DEFAULT 'default',
    name            text COLLATE "C"    NOT NULL,
    payload         jsonb               NOT NULL DEFAULT '{}',
    result          jsonb,
    reason          text,
    error           text,
    progress        jsonb,
    tags            text[],
    metadata        jsonb,
    idempotency_key text COLLATE "C",
    unique_key      text COLLATE "C",
    parent_id       uuid,
    workflow_id     uuid,
    schedule_id     uuid,
    window_at       timestamptz,
    cancel_requested_at timestamptz,
    PRIMARY KEY (id, expires_on)
) PARTITION BY RANGE (expires_on);

-- A task's children, for progress and for waiting on them.
CREATE INDEX tasks_parent ON rowlock.tasks (parent_id) WHERE parent_id IS NOT NULL;
-- Dead letters of a tenant in order of their ids: few rows among the many that a finished day holds.
CREATE INDEX tasks_dead ON rowlock.tasks (tenant_id, id) INCLUDE (queue) WHERE status = 'dead';

CREATE TABLE rowlock.tasks_live PARTITION OF rowlock.tasks
    FOR VALUES FROM ('9999-12-31') TO (MAXVALUE)
    WITH (
        autovacuum_vacuum_scale_factor = 0.01,
        autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_insert_scale_factor = 0.2,
        autovacuum_analyze_scale_factor = 0.1,
        autovacuum_analyze_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0
    );

-- The one index that every claim, delay, retry and rescue runs on.
CREATE INDEX tasks_live_claim ON rowlock.tasks_live (queue, priority, lane, visible_at);
-- What runs now: concurrency caps, vanished workers, the operators' views.
CREATE INDEX tasks_live_running ON rowlock.tasks_live (queue, lane) INCLUDE (worker_id) WHERE status = 'running';
-- One pending task per meaning.
CREATE UNIQUE INDEX tasks_live_unique_key ON rowlock.tasks_live (tenant_id, name, unique_key) WHERE unique_key IS NOT NULL;

COMMENT ON TABLE rowlock.tasks IS 'Units of work, live and finished. Finished ones lie in the partition of the day on which they may be dropped.';
COMMENT ON TABLE rowlock.tasks_live IS 'The tasks that are not finished.';
COMMENT ON COLUMN rowlock.tasks.id IS 'UUIDv7. Unique among live tasks and within each day of finished ones.';
COMMENT ON COLUMN rowlock.tasks.visible_at IS 'When a worker may claim the task: the delay''s end, the backoff''s end, or the lease''s end while it runs.';
COMMENT ON COLUMN rowlock.tasks.created_at IS 'When the task was enqueued.';
COMMENT ON COLUMN rowlock.tasks.started_at IS 'When the latest attempt was claimed.';
COMMENT ON COLUMN rowlock.tasks.finished_at IS 'When the task reached its terminal status.';
COMMENT ON COLUMN rowlock.tasks.lease_token IS 'Fence of the current attempt: only its holder may finish, fail, snooze, release or renew.';
COMMENT ON COLUMN rowlock.tasks.expires_on IS 'Day on which the row may be dropped; 9999-12-31 while the task is live.';
COMMENT ON COLUMN rowlock.tasks.status IS 'Stored status; see the view task_state for the derived one.';
COMMENT ON COLUMN rowlock.tasks.worker_id IS 'Worker that holds, or last held, the lease.';
COMMENT ON COLUMN rowlock.tasks.timeout_seconds IS 'Longest run of one attempt; null for no bound.';
COMMENT ON COLUMN rowlock.tasks.wait_seconds IS 'How long the latest attempt was visible before it was claimed.';
COMMENT ON COLUMN rowlock.tasks.priority IS '0 critical, 1 high, 2 normal, 3 low.';
COMMENT ON COLUMN rowlock.tasks.attempt IS 'Attempts spent; the running one counts.';
COMMENT ON COLUMN rowlock.tasks.max_attempts IS 'Attempts after which the task is dead.';
COMMENT ON COLUMN rowlock.tasks.payload_version IS 'Version of the payload''s shape, as the handler declares it.';
COMMENT ON COLUMN rowlock.tasks.tenant_id IS 'Tenant that owns the task.';
COMMENT ON COLUMN rowlock.tasks.queue IS 'Queue that workers subscribe to.';
COMMENT ON COLUMN rowlock.tasks.lane IS 'Unit of fairness inside the queue: the tenant, or the tenant and a flow key joined by /.';
COMMENT ON COLUMN rowlock.tasks.name IS 'Name of the handler that runs the task.';
COMMENT ON COLUMN rowlock.tasks.payload IS 'Arguments of the handler, a JSON object.';
COMMENT ON COLUMN rowlock.tasks.result IS 'What the handler returned; null when it returned nothing.';
COMMENT ON COLUMN rowlock.tasks.reason IS 'Reason code of the latest wait or end: error, timeout, snoozed, attempts_exhausted, lease_expired, …';
COMMENT ON COLUMN rowlock.tasks.error IS 'Message of the latest failure; the traceback is in executions.';
COMMENT ON COLUMN rowlock.tasks.progress IS 'What the running handler last reported of its progress.';
COMMENT ON COLUMN rowlock.tasks.tags IS 'Words to find the task by.';
COMMENT ON COLUMN rowlock.tasks.metadata IS 'The caller''s own notes; trace context under the key trace.';
COMMENT ON COLUMN rowlock.tasks.idempotency_key IS 'Key of the request that made the task.';
COMMENT ON COLUMN rowlock.tasks.unique_key IS 'At most one live task of a tenant and name has this key.';
COMMENT ON COLUMN rowlock.tasks.parent_id IS 'Task whose handler enqueued this one.';
COMMENT ON COLUMN rowlock.tasks.workflow_id IS 'Root of the tree of tasks that this one belongs to.';
COMMENT ON COLUMN rowlock.tasks.schedule_id IS 'Schedule that fired the task.';
COMMENT ON COLUMN rowlock.tasks.window_at IS 'Window of the schedule that the task stands for.';
COMMENT ON COLUMN rowlock.tasks.cancel_requested_at IS 'When a running task was asked to stop.';
