-- Forgets orders that were settled long ago, so many at most.
-- Index: schedule_orders_settled. Locks: the rows forgotten. Fence: they are settled.
DELETE FROM rowlock.schedule_orders AS placed
 WHERE placed.id IN (
        SELECT old.id FROM rowlock.schedule_orders AS old
         WHERE old.settled_at < rowlock.clock() - make_interval(days => %(days)s)
         ORDER BY old.settled_at LIMIT %(limit)s)
RETURNING placed.id
