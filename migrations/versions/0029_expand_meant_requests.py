"""SQL, REST and Python know each other's keys, and views tell who is gone, and what holds a task, as they should.

What is said under an idempotency key is what is meant: an instant is the same in every time zone and spelling, and a
null is what was left out, whichever function it comes from. Keys from before are honoured: the hash of all that is sent
stays as it is, and the hash of what was said is looked for as it was made then, too. That can go when those keys have.

A worker that vanished is gone for a day, and not only until the leader has marked it, a second later. A task in a queue
that is paused for all tenants is not said to wait for a worker, and one that drains takes no task.
"""

from rowlock.store.migrate import run, run_file

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

SAID_HASH = "COMMENT ON COLUMN rowlock.idempotency_keys.said_hash IS 'SHA-256 of what the caller {}; null for keys "
SAID_HASH += "older than this. A request of which neither hash is the same is another one, and refused.'"


def upgrade() -> None:
    run("ALTER TYPE rowlock.task_request ADD ATTRIBUTE former_hashes bytea[]")
    run_file("functions/0029/task_requests.sql")
    run_file("functions/0029/enqueue_keyed.sql")
    run(SAID_HASH.format("said, however it was spelt"))
    run_file("views/0029/stuck_tasks.sql")
    run_file("views/0029/worker_health.sql")


def downgrade() -> None:
    """Keys from in between go on by the hash of all that is sent, which takes defaults for what was said."""
    run_file("views/worker_health.sql")
    run_file("views/leases.sql")
    run(SAID_HASH.format("said"))
    run("ALTER TYPE rowlock.task_request DROP ATTRIBUTE former_hashes")
    run_file("functions/0025/enqueue_keyed.sql")
    run_file("functions/0025/task_requests.sql")
