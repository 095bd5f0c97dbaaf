"""Schedules know the version of their payload, and their tasks have it; triggering refuses an id that was used.

Workers and schedulers of the version before go on as they are: what they make of a schedule has version 1, as ever,
whatever the schedule says, and a sync of theirs that changes a payload leaves its version alone, for the next sync of
this version to mend. An order's option payload_version they do not know: it waits, with those behind it, for a leader
that does.
"""

from rowlock.store.migrate import run, run_file

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(
        """
    ALTER TABLE rowlock.schedules ADD COLUMN payload_version smallint NOT NULL DEFAULT 1;
    COMMENT ON COLUMN rowlock.schedules.payload_version IS 'Version of the payload''s shape; its tasks have it.';
    """
    )
    run_file("functions/0028/trigger_schedule.sql")
    run_file("functions/0028/schedule_fields.sql")


def downgrade() -> None:
    run_file("functions/schedule_orders.sql")
    run_file("functions/0024/order_of_schedule.sql")
    run_file("functions/0013/trigger_schedule.sql")
    run("ALTER TABLE rowlock.schedules DROP COLUMN payload_version")
