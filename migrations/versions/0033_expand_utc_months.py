"""Months are cut at UTC's midnight, whatever the time zone of who cuts them, and next to those that were not.

A month that was cut in New York ends hours after the one that somebody begins in UTC: they overlapped, and no partition
was made any more.
"""

from rowlock.store.migrate import run, run_file

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


# The lock first: a scheduler that makes partitions at this moment would meet half of this.
HOLD_PARTITIONS = "SELECT pg_advisory_xact_lock(hashtextextended('rowlock.make_partitions:' || '@schema@', 0));"


def upgrade() -> None:
    run(HOLD_PARTITIONS)
    run_file("functions/0033/make_partitions.sql")


def downgrade() -> None:
    run(HOLD_PARTITIONS)
    run("DROP FUNCTION rowlock.month_bounds(text)")
    run("DROP FUNCTION rowlock.empty_default_partition(text, text, timestamptz, timestamptz)")
    run("DROP FUNCTION rowlock.hand_over(text, text)")
    run_file("functions/make_partitions.sql")
    run_file("functions/0027/make_partitions.sql")
