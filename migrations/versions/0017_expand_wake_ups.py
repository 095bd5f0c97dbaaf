"""What workers are woken with may name a lane."""

from rowlock.store.migrate import run, run_file

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

COMMENT = "COMMENT ON FUNCTION rowlock.wake_channel() IS "
BEFORE = "Channel on which workers are told that a queue has work; the payload is the queue."
AFTER = (
    "Channel on which workers are told that there is work; the payload is the queue, or queue, priority and lane with "
    "spaces between them."
)


def upgrade() -> None:
    run_file("functions/0017/enqueue_many.sql")
    run(f"{COMMENT}'{AFTER}'")


def downgrade() -> None:
    run(f"{COMMENT}'{BEFORE}'")
    run_file("functions/0013/enqueue_many.sql")
