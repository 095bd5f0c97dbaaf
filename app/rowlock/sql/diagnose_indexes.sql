-- Indexes that PostgreSQL does not use, left over from a CREATE INDEX CONCURRENTLY that failed.
-- Index: none; catalogues only. Locks: none. Fence: none; a read.
SELECT index.indexrelid::regclass::text AS name
  FROM pg_index AS index
  JOIN pg_class AS class ON class.oid = index.indexrelid
 WHERE NOT (index.indisvalid AND index.indisready)
   AND class.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'rowlock.tasks_live'::regclass)
 ORDER BY name
