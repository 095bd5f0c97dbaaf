"""Tasks: live ones and, by the day they may be dropped, finished ones."""

from rowlock.store.migrate import run, run_file

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("tables/tasks.sql")


def downgrade() -> None:
    run(
        """
    DROP TABLE rowlock.tasks;
    """
    )
