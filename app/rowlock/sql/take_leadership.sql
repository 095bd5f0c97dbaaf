-- Opens a new epoch for the process that has just won the advisory lock.
-- Index: leaders' primary key, leaders_epoch. Locks: the role's row, as one whose key changes: waits for a write of the
-- former leader that is under way.
-- Fence: the epoch grows, so whatever the former leader sends from now on changes nothing.
INSERT INTO rowlock.leaders AS held (role, holder, epoch)
VALUES (%(role)s, %(holder)s, 1)
ON CONFLICT (role) DO UPDATE
   SET holder = excluded.holder, epoch = held.epoch + 1, elected_at = rowlock.clock(), renewed_at = rowlock.clock()
RETURNING held.epoch
