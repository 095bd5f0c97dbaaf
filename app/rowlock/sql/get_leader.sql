-- Who leads, or led last.
-- Index: leaders' primary key. Locks: none. Fence: none; it only reads.
SELECT held.holder, held.epoch, held.elected_at, held.renewed_at, rowlock.clock() AS read_at
  FROM rowlock.leaders AS held
 WHERE held.role = %(role)s
