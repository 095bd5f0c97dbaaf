"""SQL means the latest task of an id that was used again, and makes room for it in the history."""

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


def downgrade() -> None:
    """New clients call what goes here: go back to the older version first."""
    run_file("functions/0019/explain_task.sql")
    run_file("functions/redrive.sql")
    run_file("functions/0019/expire_tasks.sql")
    run_file("functions/0019/cancel.sql")
    run("DROP FUNCTION rowlock.make_room(uuid[], rowlock.task_status)")
