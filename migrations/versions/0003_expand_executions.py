"""Executions: one row for each finished attempt."""

from rowlock.store.migrate import run, run_file

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("tables/executions.sql")


def downgrade() -> None:
    run(
        """
    DROP TABLE rowlock.executions;
    """
    )
