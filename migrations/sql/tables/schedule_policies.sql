-- What a schedule may be told beyond its rule: bounds, spread, how late is too late, and what may run beside what.

ALTER TABLE rowlock.schedules
    DROP CONSTRAINT schedules_trigger_kind_check,
    ADD CONSTRAINT schedules_trigger_kind_check CHECK (trigger_kind IN ('cron', 'interval', 'once', 'calendar')),
    ADD COLUMN starts_at               timestamptz,
    ADD COLUMN ends_at                 timestamptz,
    ADD COLUMN jitter_seconds          integer NOT NULL DEFAULT 0 CHECK (jitter_seconds >= 0),
    ADD COLUMN misfire_grace_seconds   integer NOT NULL DEFAULT 60 CHECK (misfire_grace_seconds >= 0),
    ADD COLUMN catch_up_window_seconds integer CHECK (catch_up_window_seconds > 0),
    ADD COLUMN overlap_policy          text    NOT NULL DEFAULT 'allow'
        CHECK (overlap_policy IN ('allow', 'skip', 'buffer_one', 'cancel_running')),
    -- Schedules that are there already were free to have seconds, and stay so.
    ADD COLUMN allow_seconds           boolean NOT NULL DEFAULT true,
    ADD COLUMN description             text,
    ADD COLUMN application             text COLLATE "C";
ALTER TABLE rowlock.schedules ALTER COLUMN allow_seconds SET DEFAULT false;

COMMENT ON COLUMN rowlock.schedules.trigger_kind IS 'cron, interval, once or calendar.';
COMMENT ON COLUMN rowlock.schedules.expression IS 'Cron expression, interval, instant, or calendar interval.';
COMMENT ON COLUMN rowlock.schedules.timezone IS 'IANA zone on whose clocks the rule is read.';
COMMENT ON COLUMN rowlock.schedules.next_at IS 'When the next window is due, its jitter counted in; null when there is none.';
COMMENT ON COLUMN rowlock.schedules.starts_at IS 'Instant before which there are no windows.';
COMMENT ON COLUMN rowlock.schedules.ends_at IS 'Instant after which there are no windows.';
COMMENT ON COLUMN rowlock.schedules.jitter_seconds IS 'Longest delay from a window to its firing, another for each window and always the same for one.';
COMMENT ON COLUMN rowlock.schedules.misfire_grace_seconds IS 'How long after it was due a window counts as missed.';
COMMENT ON COLUMN rowlock.schedules.catch_up_window_seconds IS 'How far back catch_up reaches; null for as far as max_catch_up allows.';
COMMENT ON COLUMN rowlock.schedules.overlap_policy IS 'What happens to a window while a task of the schedule is live: allow, skip, buffer_one or cancel_running.';
COMMENT ON COLUMN rowlock.schedules.allow_seconds IS 'Whether windows may follow each other in less than a minute.';
COMMENT ON COLUMN rowlock.schedules.description IS 'The rule in English, as it was when the rule was last written.';
COMMENT ON COLUMN rowlock.schedules.application IS 'Application whose code declares the schedule; a deploy of it pauses those that vanished.';
COMMENT ON COLUMN rowlock.schedule_windows.passed_after IS 'Where set, all windows later than this and earlier than window_at were skipped for the reason.';
COMMENT ON COLUMN rowlock.schedule_windows.epoch IS 'Epoch of the leader that accounted for it; 0 where a change of the schedule or a backfill did.';

-- Is a task of this schedule still live? Small, for only what schedules made is in it. Building it reads tasks_live once,
-- and until then nothing is enqueued or claimed: half a second for a million live tasks.
CREATE INDEX tasks_live_schedule ON rowlock.tasks_live (schedule_id) WHERE schedule_id IS NOT NULL;

-- The runs of skipped windows, few among many rows: to find the one that a window lies in.
CREATE INDEX schedule_windows_runs ON rowlock.schedule_windows (schedule_id, window_at) WHERE passed_after IS NOT NULL;

CREATE OR REPLACE VIEW rowlock.schedule_status AS
SELECT schedule.tenant_id, schedule.name, schedule.trigger_kind, schedule.expression, schedule.timezone,
       schedule.missed_run_policy, schedule.paused_at IS NOT NULL AS paused, schedule.cursor_at, schedule.next_at,
       greatest(0, extract(epoch FROM rowlock.clock() - schedule.next_at)) AS lag_seconds,
       latest.window_at AS latest_window_at, latest.outcome AS latest_outcome, latest.task_id AS latest_task_id,
       latest.reason AS latest_reason, schedule.description, schedule.overlap_policy, schedule.source,
       schedule.application, live.tasks AS live_tasks
  FROM rowlock.schedules AS schedule
  LEFT JOIN LATERAL (
        SELECT recorded.window_at, recorded.outcome, recorded.task_id, recorded.reason
          FROM rowlock.schedule_windows AS recorded
         WHERE recorded.schedule_id = schedule.id ORDER BY recorded.window_at DESC LIMIT 1) AS latest ON true
 CROSS JOIN LATERAL (
        SELECT count(*) AS tasks FROM rowlock.tasks_live AS task WHERE task.schedule_id = schedule.id) AS live;
COMMENT ON VIEW rowlock.schedule_status IS
    'Schedules with their rule in English, cursor, next window, lag, latest window with its outcome and reason, and live tasks.';
