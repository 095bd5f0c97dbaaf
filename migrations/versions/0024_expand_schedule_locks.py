"""A leader that renews beside its own writes; no orders under ids that no tenant may have; what a resumption costs."""

from rowlock.store.migrate import run, run_file

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("CREATE UNIQUE INDEX leaders_epoch ON rowlock.leaders (role, epoch)")
    run_file("functions/0024/schedule_fence.sql")
    run_file("functions/0024/order_of_schedule.sql")
    run(
        """
    ALTER TABLE rowlock.schedules ADD COLUMN resumed_at timestamptz;
    COMMENT ON COLUMN rowlock.schedules.resumed_at IS
        'When SQL last ended a pause: windows past the cursor that were due by then are skipped. Null if it never did.';
    """
    )
    run_file("functions/0024/resume_schedule.sql")


def downgrade() -> None:
    run_file("functions/schedules.sql")
    run_file("functions/0013/trigger_schedule.sql")
    run("ALTER TABLE rowlock.schedules DROP COLUMN resumed_at")
    run_file("functions/schedule_orders.sql")
    run_file("functions/schedule_fence.sql")
    run("DROP INDEX rowlock.leaders_epoch")
