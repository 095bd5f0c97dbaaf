"""The schema, its clock, the words for states, the fence."""

from rowlock.store.migrate import run, run_file

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("tables/foundation.sql")


def downgrade() -> None:
    run(
        """
    DROP TABLE rowlock.partition_horizon;
    DROP SEQUENCE rowlock.lease_tokens;
    DROP TYPE rowlock.execution_outcome;
    DROP TYPE rowlock.task_status;
    DROP FUNCTION rowlock.wake_channel();
    DROP FUNCTION rowlock.today();
    DROP FUNCTION rowlock.clock();
    """
    )
