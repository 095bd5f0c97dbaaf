CREATE TABLE rowlock.schedules (
    id                uuid             NOT NULL,
    tenant_id         text COLLATE "C" NOT NULL DEFAULT 'default',
    name              text COLLATE "C" NOT NULL,
    trigger_kind      text             NOT NULL CHECK (trigger_kind IN ('cron', 'interval')),
    expression        text             NOT NULL,
    timezone          text             NOT NULL DEFAULT 'UTC',
    anchor_at         timestamptz      NOT NULL DEFAULT rowlock.clock(),
    missed_run_policy text             NOT NULL DEFAULT 'latest_only'
        CHECK (missed_run_policy IN ('catch_up', 'latest_only', 'skip')),
    max_catch_up      integer          NOT NULL DEFAULT 100 CHECK (max_catch_up BETWEEN 1 AND 10000),
    cursor_at         timestamptz      NOT NULL DEFAULT rowlock.clock(),
    next_at           timestamptz,
    paused_at         timestamptz,
    paused_by         text,
    task_name         text             NOT NULL,
    queue             text             NOT NULL DEFAULT 'default',
    priority          smallint         NOT NULL DEFAULT 2,
    payload           jsonb            NOT NULL DEFAULT '{}',
    max_attempts      smallint         NOT NULL DEFAULT 4,
    timeout_seconds   real,
    tags              text[],
    source            text             NOT NULL DEFAULT 'api' CHECK (source IN ('api', 'code')),
    created_at        timestamptz      NOT NULL DEFAULT rowlock.clock(),
    updated_at        timestamptz      NOT NULL DEFAULT rowlock.clock(),
    PRIMARY KEY (tenant_id, name)
) PARTITION BY HASH (tenant_id, name);

CREATE TABLE rowlock.schedules_0 PARTITION OF rowlock.schedules FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE rowlock.schedules_1 PARTITION OF rowlock.schedules FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE rowlock.schedules_2 PARTITION OF rowlock.schedules FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE rowlock.schedules_3 PARTITION OF rowlock.schedules FOR VALUES WITH (MODULUS 4, REMAINDER 3);

-- What an idle tick of the leader looks at.
CREATE INDEX schedules_due ON rowlock.schedules (next_at) WHERE paused_at IS NULL AND next_at IS NOT NULL;

COMMENT ON TABLE rowlock.schedules IS 'Rules by which tasks are enqueued at their windows.';
COMMENT ON COLUMN rowlock.schedules.id IS 'Identity of the schedule; a schedule made anew under an old name has another.';
COMMENT ON COLUMN rowlock.schedules.tenant_id IS 'Tenant that owns the schedule.';
COMMENT ON COLUMN rowlock.schedules.name IS 'Name, unique for the tenant.';
COMMENT ON COLUMN rowlock.schedules.trigger_kind IS 'cron or interval.';
COMMENT ON COLUMN rowlock.schedules.expression IS 'Cron expression, or the interval in seconds.';
COMMENT ON COLUMN rowlock.schedules.timezone IS 'IANA zone in which a cron expression is read.';
COMMENT ON COLUMN rowlock.schedules.anchor_at IS 'Instant from which intervals are counted.';
COMMENT ON COLUMN rowlock.schedules.missed_run_policy IS 'What happens to windows that passed while nobody fired them: catch_up, latest_only or skip.';
COMMENT ON COLUMN rowlock.schedules.max_catch_up IS 'Most missed windows that catch_up fires.';
COMMENT ON COLUMN rowlock.schedules.cursor_at IS 'Last window accounted for.';
COMMENT ON COLUMN rowlock.schedules.next_at IS 'Next window; null when there is none.';
COMMENT ON COLUMN rowlock.schedules.paused_at IS 'When the schedule was paused; null while it is active.';
COMMENT ON COLUMN rowlock.schedules.paused_by IS 'Who paused it; sync where it vanished from the code that had declared it.';
COMMENT ON COLUMN rowlock.schedules.task_name IS 'Handler of the tasks it makes.';
COMMENT ON COLUMN rowlock.schedules.queue IS 'Queue of the tasks it makes.';
COMMENT ON COLUMN rowlock.schedules.priority IS 'Priority of the tasks it makes.';
COMMENT ON COLUMN rowlock.schedules.payload IS 'Payload of the tasks it makes.';
COMMENT ON COLUMN rowlock.schedules.max_attempts IS 'Attempts of the tasks it makes.';
COMMENT ON COLUMN rowlock.schedules.timeout_seconds IS 'Timeout of the tasks it makes.';
COMMENT ON COLUMN rowlock.schedules.tags IS 'Tags of the tasks it makes.';
COMMENT ON COLUMN rowlock.schedules.source IS 'api, or code where an application declares it.';
COMMENT ON COLUMN rowlock.schedules.created_at IS 'When it was made.';
COMMENT ON COLUMN rowlock.schedules.updated_at IS 'When it was last changed by a person or a deploy.';

CREATE TABLE rowlock.schedule_windows (
    schedule_id uuid        NOT NULL,
    window_at   timestamptz NOT NULL,
    tenant_id   text COLLATE "C" NOT NULL,
    outcome     text        NOT NULL CHECK (outcome IN ('fired', 'skipped')),
    task_id     uuid,
    reason      text,
    passed_after timestamptz,
    epoch       bigint      NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT rowlock.clock(),
    PRIMARY KEY (schedule_id, window_at)
) PARTITION BY RANGE (window_at);

CREATE TABLE rowlock.schedule_windows_default PARTITION OF rowlock.schedule_windows DEFAULT;

COMMENT ON TABLE rowlock.schedule_windows IS 'Windows accounted for. The primary key reserves a window: it fires at most once.';
COMMENT ON COLUMN rowlock.schedule_windows.schedule_id IS 'Schedule of the window.';
COMMENT ON COLUMN rowlock.schedule_windows.window_at IS 'Instant at which the schedule was due.';
COMMENT ON COLUMN rowlock.schedule_windows.tenant_id IS 'Tenant that owns the schedule.';
COMMENT ON COLUMN rowlock.schedule_windows.outcome IS 'fired or skipped.';
COMMENT ON COLUMN rowlock.schedule_windows.task_id IS 'Task that the window made.';
COMMENT ON COLUMN rowlock.schedule_windows.reason IS 'Why the window was skipped.';
COMMENT ON COLUMN rowlock.schedule_windows.passed_after IS 'Where the row stands for a run of skipped windows: all later than this, up to window_at.';
COMMENT ON COLUMN rowlock.schedule_windows.epoch IS 'Epoch of the leader that accounted for it; 0 where a change of the schedule did.';
COMMENT ON COLUMN rowlock.schedule_windows.recorded_at IS 'When it was accounted for.';
