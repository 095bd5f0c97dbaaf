"""What the caller said is what an idempotency key names, whatever a handler's defaults have filled in since.

A request is the same if it says the same, or comes to the same once defaults have filled in what it leaves unsaid. The
former hash stays, over all of it, and so nobody loses a key while both versions run:

* A key from before has no hash of what was said: it is honoured where the request comes to the same, as before.
* Clients of the version before name no fields that they filled in. To the new functions they have said all that they
  send: they and new clients are answered with each other's tasks while the defaults are the same.
* New clients send the names along with each request that has an idempotency key. The functions before refuse a field
  that they do not know, so new clients come after this migration, as ever.
"""

from rowlock.store.migrate import run, run_file

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

REQUEST_HASH = "COMMENT ON COLUMN rowlock.idempotency_keys.request_hash IS '{}';"
BEFORE = "SHA-256 of the request, by which another request under the same key is refused."


def upgrade() -> None:
    run(
        """
    ALTER TABLE rowlock.idempotency_keys ADD COLUMN said_hash bytea;
    COMMENT ON COLUMN rowlock.idempotency_keys.said_hash IS 'SHA-256 of what the caller said; null for keys '
        'older than this. A request of which neither hash is the same is another one, and refused.';
    ALTER TYPE rowlock.task_request ADD ATTRIBUTE said_hash bytea;
    """
    )
    run(REQUEST_HASH.format("SHA-256 of the request with all that defaults filled in."))
    run_file("functions/0025/task_requests.sql")
    run_file("functions/0025/enqueue_keyed.sql")


def downgrade() -> None:
    """The functions before refuse what new clients send with a key: go back to the older version first."""
    run("ALTER TYPE rowlock.task_request DROP ATTRIBUTE said_hash;")
    run_file("functions/0013/task_requests.sql")
    run_file("functions/0016/enqueue_keyed.sql")
    run(REQUEST_HASH.format(BEFORE))
    run("ALTER TABLE rowlock.idempotency_keys DROP COLUMN said_hash;")
