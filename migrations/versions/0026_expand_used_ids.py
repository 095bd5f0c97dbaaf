"""SQL means the latest task of an id that was used again, and makes room for it in the history; it refuses used ids.

Clients of the version before go on as they are: enqueue_many looks in the history for all ids that they send, those
that they made as well. New clients store under such ids by a function that is not there before, so they come after this
migration, as ever.
"""

from rowlock.store.migrate import run, run_file

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("functions/0026/make_room.sql")
    run_file("functions/0026/cancel.sql")
    run_file("functions/0026/expire_tasks.sql")
    run_file("functions/0026/redrive.sql")
    run_file("functions/0026/explain_task.sql")
    run_file("functions/0026/enqueue_many.sql")


def downgrade() -> None:
    """New clients call what goes here: go back to the older version first."""
    run_file("functions/0018/enqueue_many.sql")
    run("DROP FUNCTION rowlock.store_requests(jsonb, text)")
    run_file("functions/0019/explain_task.sql")
    run_file("functions/redrive.sql")
    run_file("functions/0019/expire_tasks.sql")
    run_file("functions/0019/cancel.sql")
    run("DROP FUNCTION rowlock.make_room(uuid[], rowlock.task_status)")
