"""Policies of schedules beside the missed-run policy, bounds of their rules, and functions to handle them in SQL."""

from rowlock.store.migrate import run, run_file

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("tables/schedule_policies.sql")
    run_file("functions/schedules.sql")


def downgrade() -> None:
    """Schedules of the kinds that the older version cannot read go, as it could neither fire nor show them."""
    run(
        """
    DROP FUNCTION rowlock.cancel_replaced(uuid[], text[], text, text);
    DROP FUNCTION rowlock.trigger_schedule(text, text, text, text, uuid);
    DROP FUNCTION rowlock.resume_schedule(text, text, text, text);
    DROP FUNCTION rowlock.pause_schedule(text, text, text, text);
    DROP FUNCTION rowlock.schedule_lane(text, uuid, text);
    DROP VIEW rowlock.schedule_status;
    DROP INDEX rowlock.schedule_windows_runs;
    DROP INDEX rowlock.tasks_live_schedule;
    DELETE FROM rowlock.schedules WHERE trigger_kind NOT IN ('cron', 'interval');
    ALTER TABLE rowlock.schedules
        DROP CONSTRAINT schedules_trigger_kind_check,
        ADD CONSTRAINT schedules_trigger_kind_check CHECK (trigger_kind IN ('cron', 'interval')),
        DROP COLUMN starts_at, DROP COLUMN ends_at, DROP COLUMN jitter_seconds, DROP COLUMN misfire_grace_seconds,
        DROP COLUMN catch_up_window_seconds, DROP COLUMN overlap_policy, DROP COLUMN allow_seconds,
        DROP COLUMN description, DROP COLUMN application;
    COMMENT ON COLUMN rowlock.schedules.trigger_kind IS 'cron or interval.';
    COMMENT ON COLUMN rowlock.schedules.expression IS 'Cron expression, or the interval in seconds.';
    COMMENT ON COLUMN rowlock.schedules.timezone IS 'IANA zone in which a cron expression is read.';
    COMMENT ON COLUMN rowlock.schedules.next_at IS 'Next window; null when there is none.';
    COMMENT ON COLUMN rowlock.schedule_windows.passed_after IS
        'Where the row stands for a run of skipped windows: all later than this, up to window_at.';
    COMMENT ON COLUMN rowlock.schedule_windows.epoch IS
        'Epoch of the leader that accounted for it; 0 where a change of the schedule did.';
    CREATE VIEW rowlock.schedule_status AS
    SELECT schedule.tenant_id, schedule.name, schedule.trigger_kind, schedule.expression, schedule.timezone,
           schedule.missed_run_policy, schedule.paused_at IS NOT NULL AS paused, schedule.cursor_at, schedule.next_at,
           greatest(0, extract(epoch FROM rowlock.clock() - schedule.next_at)) AS lag_seconds,
           latest.window_at AS latest_window_at, latest.outcome AS latest_outcome, latest.task_id AS latest_task_id
      FROM rowlock.schedules AS schedule
      LEFT JOIN LATERAL (
            SELECT recorded.window_at, recorded.outcome, recorded.task_id FROM rowlock.schedule_windows AS recorded
             WHERE recorded.schedule_id = schedule.id ORDER BY recorded.window_at DESC LIMIT 1) AS latest ON true;
    COMMENT ON VIEW rowlock.schedule_status IS 'Schedules with their cursor, next window, lag and latest window.';
    """
    )
