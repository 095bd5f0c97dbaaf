-- Makes the partitions of the days and months ahead; the number made, 0 where another process is at it.
-- Index: none. Locks: SHARE UPDATE EXCLUSIVE on the parents, ACCESS EXCLUSIVE on their default partitions, for which the
-- caller's lock_timeout bounds the wait. Fence: an advisory lock.
SELECT rowlock.make_partitions(%(ahead_days)s::integer) AS made
