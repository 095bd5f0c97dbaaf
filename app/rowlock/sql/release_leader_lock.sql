-- Gives a role's lock back, so that who comes next need not wait for PostgreSQL to notice that the session has ended.
-- Index: none. Locks: frees the role's advisory lock. Fence: none; only the session that holds the lock can free it.
SELECT pg_advisory_unlock(hashtextextended(%(lock)s, 0)) AS freed
