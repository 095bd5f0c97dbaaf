"""Workers are told since when the work is visible that comes to a lane, and of each lane of a batch that has few.

A worker claims from where it claimed last. What was stored by a long transaction lies before that when it is committed,
and was found by sweeps alone, which are rare where something pins xmin. Workers of before do not understand the
instant: they wake up, and look for the lane.
"""

from rowlock.store.migrate import run, run_file

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

CHANNEL = "COMMENT ON FUNCTION rowlock.wake_channel() IS "
CHANNEL += "'Channel on which workers are told that a queue has work; the payload is the queue.'"


def upgrade() -> None:
    for name in ("news", "store_requests", "redrive_rows", "trigger_schedule"):
        run_file(f"functions/0030/{name}.sql")


def downgrade() -> None:
    run("DROP FUNCTION rowlock.store_requests(jsonb, text)")  # which the file makes, and not anew
    run_file("functions/0026/enqueue_many.sql")
    run_file("functions/0026/redrive.sql")
    run_file("functions/0028/trigger_schedule.sql")
    run("DROP FUNCTION rowlock.news_of(text, smallint, text, timestamptz)")
    run(CHANNEL)
