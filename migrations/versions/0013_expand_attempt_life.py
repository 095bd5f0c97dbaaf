"""Deadlines of tasks, versions of results, and whom a crash is laid to; with the functions that know of them."""

from rowlock.store.migrate import run, run_file

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Another parameter makes another function, and of two that a call could mean PostgreSQL chooses none.
DROP_ENQUEUE = """
    DROP FUNCTION rowlock.enqueue(
        text, jsonb, integer, text, interval, timestamptz, integer, interval, text[], text, text, text, text, jsonb,
        integer, uuid, uuid, text{more});
    DROP FUNCTION rowlock.enqueue(
        text, jsonb, text, text, interval, timestamptz, integer, interval, text[], text, text, text, text, jsonb,
        integer, uuid, uuid, text{more});
"""


def upgrade() -> None:
    run_file("tables/attempt_life.sql")
    run_file("functions/0013/task_requests.sql")
    run_file("functions/0013/expire_tasks.sql")
    run_file("functions/0013/enqueue_keyed.sql")
    run_file("functions/0013/enqueue_many.sql")
    run(DROP_ENQUEUE.format(more=""))
    run_file("functions/0013/enqueue.sql")
    run_file("functions/0013/cancel.sql")
    run_file("functions/0013/explain_task.sql")
    run_file("functions/0013/trigger_schedule.sql")


def downgrade() -> None:
    """Tasks lose their deadlines: the older version neither sets nor heeds them."""
    run(DROP_ENQUEUE.format(more=", interval"))
    run(
        """
    DROP FUNCTION rowlock.enqueue_many(jsonb, text);
    DROP FUNCTION rowlock.enqueue_keyed(rowlock.task_request, text);
    DROP FUNCTION rowlock.expire_tasks(uuid[]);
    DROP FUNCTION rowlock.read_task_requests(jsonb, text);
    DROP TYPE rowlock.task_request;
    """
    )
    for former in ("task_requests", "enqueue_keyed", "enqueue_many", "enqueue", "cancel", "explain_task", "schedules"):
        run_file(f"functions/{former}.sql")
    run(
        """
    DROP INDEX rowlock.tasks_live_deadline;
    ALTER TABLE rowlock.handlers DROP COLUMN oldest_payload_version, DROP COLUMN expires_in_seconds;
    ALTER TABLE rowlock.tasks
        DROP COLUMN alone_token, DROP COLUMN lost_lease, DROP COLUMN result_version, DROP COLUMN deadline_at;
    """
    )
