-- Who keeps dead rows from being cleaned away: the oldest of sessions, prepared transactions, slots and standbys.
-- Index: none; catalogues only. Locks: none. Fence: none; a read.
-- Sessions of others are hidden from roles without pg_read_all_stats; such a role sees fewer rows here.
SELECT holder.kind, holder.name, holder.age_transactions, holder.age_seconds
  FROM (
        SELECT 'session' AS kind,
               format('process %s (%s)', activity.pid, coalesce(nullif(activity.application_name, ''), activity.usename, 'unknown')) AS name,
               greatest(age(activity.backend_xmin), age(activity.backend_xid)) AS age_transactions,
               extract(epoch FROM clock_timestamp() - activity.xact_start)::double precision AS age_seconds
          FROM pg_stat_activity AS activity
         WHERE (activity.backend_xmin IS NOT NULL OR activity.backend_xid IS NOT NULL)
           AND activity.pid <> pg_backend_pid() AND activity.backend_type <> 'autovacuum worker'
           AND activity.datname IS NOT DISTINCT FROM current_database()
        UNION ALL
        SELECT 'prepared', prepared.gid, age(prepared.transaction),
               extract(epoch FROM clock_timestamp() - prepared.prepared)::double precision
          FROM pg_prepared_xacts AS prepared
         WHERE prepared.database = current_database()
        UNION ALL
        SELECT 'slot', slot.slot_name, greatest(age(slot.xmin), age(slot.catalog_xmin)), NULL
          FROM pg_replication_slots AS slot
         WHERE slot.xmin IS NOT NULL OR slot.catalog_xmin IS NOT NULL
        UNION ALL
        SELECT 'standby', coalesce(nullif(replication.application_name, ''), 'unknown'), age(replication.backend_xmin), NULL
          FROM pg_stat_replication AS replication
         WHERE replication.backend_xmin IS NOT NULL
       ) AS holder
 ORDER BY holder.age_transactions DESC NULLS LAST, holder.age_seconds DESC NULLS LAST
 LIMIT 20
