"""Functions for every language that speaks SQL."""

from rowlock.store.migrate import run, run_file

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("functions/status.sql")
    run_file("functions/words.sql")
    run_file("functions/task_requests.sql")
    run_file("functions/enqueue_keyed.sql")
    run_file("functions/enqueue_many.sql")
    run_file("functions/enqueue.sql")
    run_file("functions/cancel.sql")
    run_file("functions/redrive.sql")
    run_file("functions/queues.sql")
    run_file("functions/explain_task.sql")


def downgrade() -> None:
    run(
        """
    DROP FUNCTION rowlock.explain_task(uuid, text);
    DROP FUNCTION rowlock.resume_queue(text, text, text, text);
    DROP FUNCTION rowlock.pause_queue(text, text, text, text);
    DROP FUNCTION rowlock.redrive_dead(text, text, text, integer, text, text);
    DROP FUNCTION rowlock.redrive(uuid, text, text, text);
    DROP FUNCTION rowlock.redrive_rows(text, uuid[], text, text);
    DROP FUNCTION rowlock.cancel(uuid, text, text, text, text);
    DROP FUNCTION rowlock.enqueue(
        text, jsonb, integer, text, interval, timestamptz, integer, interval, text[], text, text, text, text, jsonb,
        integer, uuid, uuid, text);
    DROP FUNCTION rowlock.enqueue(
        text, jsonb, text, text, interval, timestamptz, integer, interval, text[], text, text, text, text, jsonb,
        integer, uuid, uuid, text);
    DROP FUNCTION rowlock.enqueue_many(jsonb, text);
    DROP FUNCTION rowlock.enqueue_keyed(rowlock.task_request, text);
    DROP FUNCTION rowlock.new_id();
    DROP FUNCTION rowlock.read_task_requests(jsonb, text);
    DROP FUNCTION rowlock.priority_number(text);
    DROP TYPE rowlock.task_request;
    DROP FUNCTION rowlock.execution_day();
    DROP FUNCTION rowlock.expiry_day(text, text, rowlock.task_status);
    DROP FUNCTION rowlock.public_status(rowlock.task_status, timestamptz, smallint);
    """
    )
