"""An idempotency key knows a number however many zeros end it."""

from rowlock.store.migrate import run, run_file

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("functions/0031/plain_numbers.sql")
    run_file("functions/0031/task_requests.sql")


def downgrade() -> None:
    run_file("functions/0029/task_requests.sql")
    run("DROP FUNCTION rowlock.plain_numbers(jsonb)")
