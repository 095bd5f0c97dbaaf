-- Takes one order in hand for the transaction that carries it out; no row where it is settled or in other hands.
-- Index: schedule_orders' primary key. Locks: the order's row, without waiting. Fence: it is not settled.
SELECT placed.id FROM rowlock.schedule_orders AS placed
 WHERE placed.id = %(id)s AND placed.settled_at IS NULL
   FOR UPDATE SKIP LOCKED
