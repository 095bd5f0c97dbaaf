"""The operators' views."""

from rowlock.store.migrate import run, run_file

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("views/operators.sql")


def downgrade() -> None:
    run(
        """
    DROP VIEW rowlock.lane_lag;
    DROP VIEW rowlock.partition_sizes;
    DROP VIEW rowlock.schedule_status;
    DROP VIEW rowlock.worker_health;
    DROP VIEW rowlock.dead_letters;
    DROP VIEW rowlock.top_failing;
    DROP VIEW rowlock.stuck_tasks;
    DROP VIEW rowlock.running_tasks;
    DROP VIEW rowlock.oldest_ready;
    DROP VIEW rowlock.queue_depth;
    DROP VIEW rowlock.task_state;
    """
    )
