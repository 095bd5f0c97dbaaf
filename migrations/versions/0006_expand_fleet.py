"""Queues, limits, workers, handlers, leaders."""

from rowlock.store.migrate import run, run_file

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("tables/fleet.sql")


def downgrade() -> None:
    run(
        """
    DROP TABLE rowlock.leaders;
    DROP TABLE rowlock.handlers;
    DROP TABLE rowlock.workers;
    DROP TABLE rowlock.limits;
    DROP TABLE rowlock.queues;
    """
    )
