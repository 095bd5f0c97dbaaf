"""Indexes of what runs under a moved lease, of what was asked to stop, and of each day's dead letters.

Each is made beside the work that goes on, for itself: what is there already, when a run was cut short, stays.
"""

from alembic import context, op

from rowlock.store.migrate import names, run, run_file

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

LARGE_BYTES = 8 * 1024 * 1024  # of what is smaller an index is made in a moment
LIVE = {
    "tasks_live_moved": "rowlock.tasks_live (queue, lane) WHERE lease_moved",
    "tasks_live_cancelling": "rowlock.tasks_live (queue) WHERE cancel_requested_at IS NOT NULL",
}
DEAD_LETTERS = "rowlock.{0} (tenant_id, id) INCLUDE (queue) WHERE status = 'dead'"
DAYS = """
    SELECT child.relname::text AS name
      FROM pg_inherits AS link JOIN pg_class AS child ON child.oid = link.inhrelid
     WHERE link.inhparent = '@schema@.tasks'::regclass AND child.relname <> 'tasks_live'
     ORDER BY child.relname
"""
LARGE = f"""
    SELECT held.relname::text FROM pg_class AS held
     WHERE held.relnamespace = '@schema@'::regnamespace AND pg_relation_size(held.oid) > {LARGE_BYTES}
       AND held.relkind = 'r' AND held.relname ~ '^tasks_'
"""
HALF_MADE = """
    SELECT made.relname::text
      FROM pg_index AS index JOIN pg_class AS made ON made.oid = index.indexrelid
     WHERE made.relnamespace = '@schema@'::regnamespace AND NOT index.indisvalid
       AND made.relname ~ '^tasks_(live_(moved|cancelling)|[0-9]+_dead)$'
"""


def upgrade() -> None:
    if context.is_offline_mode():
        for name, of in LIVE.items():
            run(f"CREATE INDEX {name} ON {of};")
        run(f"SELECT rowlock.index_dead_letters(day.name) FROM ({DAYS}) AS day;")
        return
    with op.get_context().autocommit_block():
        try:
            run("SET lock_timeout = 0")
            for name in names(HALF_MADE):
                run(f"DROP INDEX CONCURRENTLY rowlock.{name}")
            large = set(names(LARGE))
            for name, of in LIVE.items():
                make(name, of, large="tasks_live" in large)
            for day in names(DAYS):
                make(f"{day}_dead", DEAD_LETTERS.format(day), large=day in large)
        finally:
            run("SET lock_timeout = '10s'")


def make(name: str, of: str, *, large: bool) -> None:
    """Beside the work that goes on, a long report makes an index wait, and the index nobody else."""
    run(f"SET lock_timeout = '{'0' if large else '10s'}'")
    run(f"CREATE INDEX {'CONCURRENTLY ' if large else ''}IF NOT EXISTS {name} ON {of}")


def downgrade() -> None:
    """Those of the days are gone since the step back from 0022, but where that was never taken."""
    run("DROP INDEX IF EXISTS rowlock.tasks_live_cancelling, rowlock.tasks_live_moved;")
    run_file("tables/unindex_dead_letters.sql")
