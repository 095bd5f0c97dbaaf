"""What a lease says of itself, and functions that read it there; days that are made from now on index dead letters."""

from rowlock.store.migrate import run, run_file

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# The lock first: a scheduler that makes partitions at this moment would make one of the other kind.
HOLD_PARTITIONS = "SELECT pg_advisory_xact_lock(hashtextextended('rowlock.make_partitions:' || '@schema@', 0));"


def upgrade() -> None:
    run(HOLD_PARTITIONS)
    run_file("functions/0019/make_partitions.sql")
    run_file("tables/leases.sql")
    run(
        """
    ALTER TABLE rowlock.workers ADD COLUMN claims_in_place boolean NOT NULL DEFAULT false;
    COMMENT ON COLUMN rowlock.workers.claims_in_place IS
        'Whether it knows of claims that leave visible_at alone. While a worker lives that does not, none are made.';
    """
    )
    run_file("functions/0019/cancel.sql")
    run_file("functions/0019/expire_tasks.sql")
    run_file("functions/0019/explain_task.sql")


def downgrade() -> None:
    run(HOLD_PARTITIONS)
    run_file("functions/0013/explain_task.sql")
    run_file("functions/0013/expire_tasks.sql")
    run_file("functions/0013/cancel.sql")
    run(
        """
    ALTER TABLE rowlock.workers DROP COLUMN claims_in_place;
    LOCK TABLE ONLY rowlock.tasks_live, ONLY rowlock.tasks IN ACCESS EXCLUSIVE MODE;
    ALTER TABLE rowlock.tasks DROP COLUMN lease_moved, DROP COLUMN lease_expires_at;
    COMMENT ON COLUMN rowlock.tasks.visible_at IS
        'When a worker may claim the task: the delay''s end, the backoff''s end, or the lease''s end while it runs.';
    DROP FUNCTION rowlock.index_dead_letters(text);
    DROP FUNCTION rowlock.step_day();
    """
    )
    run_file("functions/steps.sql")
