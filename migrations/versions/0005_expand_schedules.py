"""Schedules and their windows."""

from rowlock.store.migrate import run, run_file

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("tables/schedules.sql")


def downgrade() -> None:
    run(
        """
    DROP TABLE rowlock.schedule_windows;
    DROP TABLE rowlock.schedules;
    """
    )
