-- What is configured and what is running. Rows of queues and limits are a tenant's; workers, handlers and leaders are the operator's.

CREATE TABLE rowlock.queues (
    tenant_id                text COLLATE "C" NOT NULL DEFAULT 'default',
    name                     text COLLATE "C" NOT NULL,
    paused_at                timestamptz,
    paused_by                text,
    retention_succeeded_days integer CHECK (retention_succeeded_days BETWEEN 1 AND 365),
    retention_cancelled_days integer CHECK (retention_cancelled_days BETWEEN 1 AND 365),
    retention_dead_days      integer CHECK (retention_dead_days BETWEEN 1 AND 365),
    description              text,
    created_at               timestamptz NOT NULL DEFAULT rowlock.clock(),
    PRIMARY KEY (tenant_id, name)
);
COMMENT ON TABLE rowlock.queues IS 'Settings of queues. A queue works without a row; strict installations enqueue only into queues that have one.';
COMMENT ON COLUMN rowlock.queues.tenant_id IS 'Tenant, or * for all tenants.';
COMMENT ON COLUMN rowlock.queues.name IS 'Name of the queue.';
COMMENT ON COLUMN rowlock.queues.paused_at IS 'When it was paused; null while tasks are claimed.';
COMMENT ON COLUMN rowlock.queues.paused_by IS 'Who paused it.';
COMMENT ON COLUMN rowlock.queues.retention_succeeded_days IS 'Days that succeeded tasks are kept (7).';
COMMENT ON COLUMN rowlock.queues.retention_cancelled_days IS 'Days that cancelled tasks are kept (7).';
COMMENT ON COLUMN rowlock.queues.retention_dead_days IS 'Days that dead tasks are kept (30).';
COMMENT ON COLUMN rowlock.queues.description IS 'What the queue is for.';
COMMENT ON COLUMN rowlock.queues.created_at IS 'When the row was made.';

CREATE TABLE rowlock.limits (
    tenant_id   text COLLATE "C" NOT NULL DEFAULT 'default',
    queue       text COLLATE "C" NOT NULL,
    lane        text COLLATE "C" NOT NULL,
    max_running integer NOT NULL CHECK (max_running BETWEEN 0 AND 100000),
    created_at  timestamptz NOT NULL DEFAULT rowlock.clock(),
    PRIMARY KEY (queue, lane)
);
COMMENT ON TABLE rowlock.limits IS 'Concurrency caps of lanes, checked against the rows that are running.';
COMMENT ON COLUMN rowlock.limits.tenant_id IS 'Tenant that owns the lane.';
COMMENT ON COLUMN rowlock.limits.queue IS 'Queue of the lane.';
COMMENT ON COLUMN rowlock.limits.lane IS 'Lane that is capped.';
COMMENT ON COLUMN rowlock.limits.max_running IS 'Most tasks of the lane that run at once; 0 holds the lane.';
COMMENT ON COLUMN rowlock.limits.created_at IS 'When the cap was set.';

CREATE TABLE rowlock.workers (
    id           integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text        NOT NULL,
    hostname     text        NOT NULL,
    pid          integer     NOT NULL,
    version      text        NOT NULL,
    queues       text[]      NOT NULL,
    concurrency  integer     NOT NULL,
    running      integer     NOT NULL DEFAULT 0,
    health       text        NOT NULL DEFAULT 'healthy' CHECK (health IN ('healthy', 'degraded', 'unhealthy')),
    health_reason text,
    draining     boolean     NOT NULL DEFAULT false,
    started_at   timestamptz NOT NULL DEFAULT rowlock.clock(),
    heartbeat_at timestamptz NOT NULL DEFAULT rowlock.clock(),
    expires_at   timestamptz NOT NULL,
    stopped_at   timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE rowlock.workers IS 'Worker processes and their heartbeats.';
COMMENT ON COLUMN rowlock.workers.id IS 'Number by which tasks name their worker.';
COMMENT ON COLUMN rowlock.workers.name IS 'Name for people: host, pid and a suffix.';
COMMENT ON COLUMN rowlock.workers.hostname IS 'Host it runs on.';
COMMENT ON COLUMN rowlock.workers.pid IS 'Its process id there.';
COMMENT ON COLUMN rowlock.workers.version IS 'Version of rowlock it runs.';
COMMENT ON COLUMN rowlock.workers.queues IS 'Queues it claims from.';
COMMENT ON COLUMN rowlock.workers.concurrency IS 'Tasks that it runs at once at most.';
COMMENT ON COLUMN rowlock.workers.running IS 'Tasks that it held at its last heartbeat.';
COMMENT ON COLUMN rowlock.workers.health IS 'What it says of itself: healthy, degraded or unhealthy.';
COMMENT ON COLUMN rowlock.workers.health_reason IS 'Why it is not healthy.';
COMMENT ON COLUMN rowlock.workers.draining IS 'Whether it has stopped claiming.';
COMMENT ON COLUMN rowlock.workers.started_at IS 'When it registered.';
COMMENT ON COLUMN rowlock.workers.heartbeat_at IS 'When it last wrote this row.';
COMMENT ON COLUMN rowlock.workers.expires_at IS 'When it counts as gone unless it writes again.';
COMMENT ON COLUMN rowlock.workers.stopped_at IS 'When it said goodbye, or was marked as gone.';

CREATE TABLE rowlock.handlers (
    name            text COLLATE "C" NOT NULL PRIMARY KEY,
    queue           text             NOT NULL,
    priority        smallint         NOT NULL,
    max_attempts    smallint         NOT NULL,
    timeout_seconds real,
    payload_version smallint         NOT NULL DEFAULT 1,
    payload_schema  jsonb,
    executor        text             NOT NULL,
    description     text,
    registered_at   timestamptz      NOT NULL DEFAULT rowlock.clock(),
    seen_at         timestamptz      NOT NULL DEFAULT rowlock.clock()
);
COMMENT ON TABLE rowlock.handlers IS 'Handlers that workers have registered: the defaults and the payload''s schema for callers that are not Python.';
COMMENT ON COLUMN rowlock.handlers.name IS 'Name of the tasks it runs.';
COMMENT ON COLUMN rowlock.handlers.queue IS 'Queue of its tasks where the caller names none.';
COMMENT ON COLUMN rowlock.handlers.priority IS 'Priority of its tasks where the caller names none.';
COMMENT ON COLUMN rowlock.handlers.max_attempts IS 'Attempts of its tasks where the caller names none.';
COMMENT ON COLUMN rowlock.handlers.timeout_seconds IS 'Timeout of its tasks where the caller names none.';
COMMENT ON COLUMN rowlock.handlers.payload_version IS 'Version of the payload''s shape that it declares.';
COMMENT ON COLUMN rowlock.handlers.payload_schema IS 'JSON Schema of the payload.';
COMMENT ON COLUMN rowlock.handlers.executor IS 'async, thread or process.';
COMMENT ON COLUMN rowlock.handlers.description IS 'First line of its docstring.';
COMMENT ON COLUMN rowlock.handlers.registered_at IS 'When a worker first registered it.';
COMMENT ON COLUMN rowlock.handlers.seen_at IS 'When a worker last registered it.';

CREATE TABLE rowlock.leaders (
    role        text        NOT NULL PRIMARY KEY,
    holder      text        NOT NULL,
    epoch       bigint      NOT NULL,
    elected_at  timestamptz NOT NULL DEFAULT rowlock.clock(),
    renewed_at  timestamptz NOT NULL DEFAULT rowlock.clock()
);
COMMENT ON TABLE rowlock.leaders IS 'Who leads, and the epoch that fences the leader''s writes; the advisory lock decides.';
COMMENT ON COLUMN rowlock.leaders.role IS 'What is led.';
COMMENT ON COLUMN rowlock.leaders.holder IS 'Process that leads, or led last.';
COMMENT ON COLUMN rowlock.leaders.epoch IS 'Grows with every election.';
COMMENT ON COLUMN rowlock.leaders.elected_at IS 'When it was elected.';
COMMENT ON COLUMN rowlock.leaders.renewed_at IS 'When it last said that it leads.';
