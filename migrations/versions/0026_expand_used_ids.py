"""SQL means the latest task of an id that was used again, and makes room for it in the history; it refuses used ids.

Beside that, the view of what has waited longest knows what has run out of its lease.

Clients of the version before go on as they are: enqueue_many looks in the history for all ids that they send, those
that they made as well. New clients store under such ids by a function that is not there before, so they come after this
migration, as ever.
"""

from rowlock.store.migrate import run, run_file

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

FINISHED_ON = "COMMENT ON COLUMN rowlock.executions.finished_on IS '{}'"
FILED = "Day under which the row is filed: that of finished_at, or the last one that has a partition."
CARRIED = (
    "What was filed too early is carried to the current day when its own is dropped, and then lies after finished_at."
)


def upgrade() -> None:
    run_file("functions/0026/make_room.sql")
    run_file("functions/0026/cancel.sql")
    run_file("functions/0026/expire_tasks.sql")
    run_file("functions/0026/redrive.sql")
    run_file("functions/0026/explain_task.sql")
    run_file("functions/0026/enqueue_many.sql")
    run_file("views/0026/oldest_ready.sql")
    run(FINISHED_ON.format(f"{FILED} {CARRIED}"))


def downgrade() -> None:
    """New clients call what goes here: go back to the older version first."""
    run(FINISHED_ON.format(FILED))
    run_file("views/oldest_ready.sql")
    run_file("functions/0018/enqueue_many.sql")
    run("DROP FUNCTION rowlock.store_requests(jsonb, text)")
    run_file("functions/0019/explain_task.sql")
    run_file("functions/redrive.sql")
    run_file("functions/0019/expire_tasks.sql")
    run_file("functions/0019/cancel.sql")
    run("DROP FUNCTION rowlock.make_room(uuid[], rowlock.task_status)")
