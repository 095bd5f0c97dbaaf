"""Durable steps: their table, its partitions, and the view of them."""

from rowlock.store.migrate import run, run_file

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("tables/steps.sql")
    run_file("functions/steps.sql")
    run_file("views/task_steps.sql")
    # The lock first: a scheduler that makes partitions at this moment would have it, and none would be made here.
    run("SELECT pg_advisory_xact_lock(hashtextextended('rowlock.make_partitions:' || '@schema@', 0));")
    run("SELECT rowlock.make_partitions();")


def downgrade() -> None:
    """What steps returned goes with them: tasks that still run take their steps anew."""
    run("DROP VIEW rowlock.task_steps;")
    run_file("functions/make_partitions.sql")
    run(
        """
    DROP FUNCTION rowlock.step_day();
    DROP TABLE rowlock.steps;
    DELETE FROM rowlock.partition_horizon WHERE parent = 'steps';
    """
    )
