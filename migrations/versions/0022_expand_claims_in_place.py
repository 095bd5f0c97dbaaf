"""Claims may leave every index alone: none of the live table's mentions the status any more.

Expand, though two indexes go: what the older version asks of them is answered without, and more slowly.
"""

from rowlock.store.migrate import run, run_file

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

DAYS = """
    SELECT child.relname::text AS name
      FROM pg_inherits AS link JOIN pg_class AS child ON child.oid = link.inhrelid
     WHERE link.inhparent = '@schema@.tasks'::regclass AND child.relname <> 'tasks_live'
"""


def upgrade() -> None:
    run(
        """
    LOCK TABLE ONLY rowlock.tasks_live, ONLY rowlock.tasks IN ACCESS EXCLUSIVE MODE;
    -- What runs got leases of the kind that moves, and is found from now on where all of that kind are.
    UPDATE rowlock.tasks_live SET lease_moved = true WHERE status = 'running';
    DROP INDEX rowlock.tasks_live_running;
    DROP INDEX rowlock.tasks_dead;
    -- So much of a page is filled by tasks that come, and the rest is for their claims.
    ALTER TABLE rowlock.tasks_live SET (fillfactor = 45);
    """
    )
    run(f"SELECT rowlock.index_dead_letters(day.name) FROM ({DAYS}) AS day;")  # days made since had the parent's


def downgrade() -> None:
    """Leases go back to the one column that the older version reads them from. It is done with the workers stopped:
    dead letters of all days are indexed anew."""
    run(
        """
    LOCK TABLE ONLY rowlock.tasks_live, ONLY rowlock.tasks IN ACCESS EXCLUSIVE MODE;
    UPDATE rowlock.tasks_live SET visible_at = greatest(visible_at, lease_expires_at) WHERE status = 'running';
    ALTER TABLE rowlock.tasks_live RESET (fillfactor);
    CREATE INDEX tasks_live_running ON rowlock.tasks_live (queue, lane) INCLUDE (worker_id) WHERE status = 'running';
    """
    )
    run_file("tables/unindex_dead_letters.sql")
    run("CREATE INDEX tasks_dead ON rowlock.tasks (tenant_id, id) INCLUDE (queue) WHERE status = 'dead';")
