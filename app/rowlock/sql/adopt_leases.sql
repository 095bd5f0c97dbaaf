-- Marks the leases of last attempts that workers of older versions gave as moved, as they are: that is where the rescue
-- looks. No newer worker gives such a lease without the mark.
-- Index: none; reads tasks_live, if such a worker is known still: when a leader has come, and when one is gone. Locks: those
-- rows. Fence: none; what runs under a lease that lasts goes on as it was.
UPDATE rowlock.tasks_live AS task
   SET lease_moved = true
 WHERE task.status = 'running' AND task.attempt >= task.max_attempts AND task.lease_moved IS NOT TRUE
   AND EXISTS (SELECT FROM rowlock.workers AS older WHERE NOT older.claims_in_place)
RETURNING task.id
