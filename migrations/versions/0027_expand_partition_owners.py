"""Partitions belong to the owner of their table, whoever makes them: else that owner could not change it any more."""

from rowlock.store.migrate import run, run_file

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# The lock first: a scheduler that makes partitions at this moment would make some more that belong to it.
HOLD_PARTITIONS = "SELECT pg_advisory_xact_lock(hashtextextended('rowlock.make_partitions:' || '@schema@', 0));"
HAND_OVER = """
DO $$
DECLARE
    part  record;
    kept  text[] := '{}';
BEGIN
    FOR part IN
        SELECT child.relname::text AS name, parent.relname::text AS parent,
               format('ALTER TABLE %I.%I OWNER TO %I;', '@schema@', child.relname, pg_get_userbyid(parent.relowner))
                   AS how
          FROM pg_inherits AS link
          JOIN pg_class AS parent ON parent.oid = link.inhparent AND parent.relkind = 'p'
          JOIN pg_class AS child ON child.oid = link.inhrelid
         WHERE parent.relnamespace = '"@schema@"'::regnamespace AND child.relowner <> parent.relowner
         ORDER BY child.relname
    LOOP
        IF NOT rowlock.hand_over(part.name, part.parent) THEN
            kept := kept || part.how;
        END IF;
    END LOOP;
    IF cardinality(kept) > 0 THEN
        RAISE NOTICE 'A migration that changes these tables must own them. As their owner, or a superuser, run: %',
            array_to_string(kept, ' ');
    END IF;
END $$;
"""


def upgrade() -> None:
    run(HOLD_PARTITIONS)
    run_file("functions/0027/make_partitions.sql")
    run(HAND_OVER)


def downgrade() -> None:
    run(HOLD_PARTITIONS)
    run("DROP FUNCTION rowlock.hand_over(text, text)")
    run("DROP FUNCTION rowlock.index_dead_letters(text)")  # the file makes it too
    run_file("functions/0019/make_partitions.sql")
