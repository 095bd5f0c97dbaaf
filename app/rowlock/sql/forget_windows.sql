-- Forgets windows recorded long ago that lie in the default partition because their month never had one: those that a
-- catch-up or a backfill reached back for. All others go with their month's partition.
-- Index: none; the default partition is small. Locks: the rows forgotten, skipping others'. Fence: their age.
WITH old AS MATERIALIZED (
    SELECT recorded.ctid AS place
      FROM rowlock.schedule_windows_default AS recorded
     WHERE recorded.recorded_at < rowlock.clock() - make_interval(days => %(ledger_days)s::integer)
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM rowlock.schedule_windows_default AS recorded
     WHERE recorded.ctid = ANY (ARRAY(SELECT old.place FROM old))
    RETURNING recorded.schedule_id
)
SELECT count(*) AS forgotten FROM forgotten
