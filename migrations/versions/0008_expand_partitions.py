"""Partitions of the days ahead, and the function that makes them."""

from rowlock.store.migrate import run, run_file

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("functions/make_partitions.sql")
    run("SELECT rowlock.make_partitions();")


def downgrade() -> None:
    run(
        """
    DROP FUNCTION rowlock.make_partitions(integer);
    DROP FUNCTION rowlock.empty_default_partition(text, text, date, date);
    """
    )
