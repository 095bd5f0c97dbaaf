-- How bloated the table is that every claim works on.
-- Index: none; catalogues only. Locks: none. Fence: none; a read.
SELECT stats.n_live_tup AS live_rows, stats.n_dead_tup AS dead_rows,
       pg_total_relation_size(stats.relid) AS bytes, pg_indexes_size(stats.relid) AS index_bytes,
       greatest(stats.last_vacuum, stats.last_autovacuum) AS vacuumed_at
  FROM pg_stat_all_tables AS stats
 WHERE stats.relid = 'rowlock.tasks_live'::regclass
