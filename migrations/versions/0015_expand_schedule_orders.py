"""Schedules made, changed, backfilled and deleted in SQL."""

from rowlock.store.migrate import run, run_file

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("tables/schedule_orders.sql")
    run_file("functions/schedule_orders.sql")
    run_file("functions/schedule_fence.sql")


def downgrade() -> None:
    run(
        """
    DROP FUNCTION rowlock.holds_epoch(text, bigint);
    DROP FUNCTION rowlock.delete_schedule(text, text, text, text);
    DROP FUNCTION rowlock.backfill_schedule(text, timestamptz, timestamptz, text, text, text);
    DROP FUNCTION rowlock.change_schedule(text, jsonb, text, text, text);
    DROP FUNCTION rowlock.create_schedule(text, text, jsonb, text, text, text);
    DROP FUNCTION rowlock.schedule_fields();
    DROP FUNCTION rowlock.order_of_schedule(text, text, jsonb, text[], text, text, text);
    DROP TABLE rowlock.schedule_orders;
    """
    )
