-- The leader says that it still leads.
-- Index: leaders' primary key. Locks: the role's row, beside a write of the leader that is under way. Fence: the epoch;
-- no row means that another was elected.
UPDATE rowlock.leaders AS held
   SET renewed_at = rowlock.clock()
 WHERE held.role = %(role)s AND held.epoch = %(epoch)s
RETURNING held.epoch, pg_backend_pid() AS backend_pid
