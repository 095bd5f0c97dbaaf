"""What no worker could run is stuck, though it is put off, and has begun no attempt that could have ended so.

A late goodbye of a worker of a version before does not count as its vanishing.
"""

from rowlock.store.migrate import run, run_file

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

STUCK = "COMMENT ON VIEW rowlock.stuck_tasks IS "
STUCK += "'Tasks that could have been claimed more than a minute ago, with the reason code.'"


def upgrade() -> None:
    run_file("functions/0032/explain_task.sql")
    run_file("views/0032/stuck_tasks.sql")
    run_file("views/0032/worker_health.sql")


def downgrade() -> None:
    run_file("views/0029/worker_health.sql")
    run_file("views/0029/stuck_tasks.sql")
    run(STUCK)
    run_file("functions/0026/explain_task.sql")
