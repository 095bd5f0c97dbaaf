"""What SQL answers is so: of leases that ran out, lanes that seem full, paused schedules, pauses of what cannot be.

Steps that an attempt took for one payload do not count for another that took its place. A schedule that a person pauses
stays paused, though a sync had paused it before. Tags are a plain list.
"""

from rowlock.store.migrate import run, run_file

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("functions/0034/explain_task.sql")
    run_file("functions/0034/enqueue_keyed.sql")
    run_file("functions/0034/task_requests.sql")
    run_file("functions/0034/queues.sql")
    run_file("functions/0034/pause_schedule.sql")
    run_file("views/0034/schedule_status.sql")


def downgrade() -> None:
    run_file("views/0012/schedule_status.sql")
    run_file("functions/0012/pause_schedule.sql")
    run_file("functions/queues.sql")
    run("DROP FUNCTION rowlock.check_queue(text, text)")
    run_file("functions/0031/task_requests.sql")
    run_file("functions/0029/enqueue_keyed.sql")
    run_file("functions/0032/explain_task.sql")
