-- The database's time, by which windows are counted.
-- Index: none. Locks: none. Fence: none; it only reads.
SELECT rowlock.clock() AS now_at
