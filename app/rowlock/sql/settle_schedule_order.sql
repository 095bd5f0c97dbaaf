-- Says what became of an order.
-- Index: schedule_orders' primary key. Locks: the order's row. Fence: it is not settled.
UPDATE rowlock.schedule_orders AS placed
   SET settled_at = rowlock.clock(), outcome = %(outcome)s, field = %(field)s, explanation = %(explanation)s
 WHERE placed.id = %(id)s AND placed.settled_at IS NULL
RETURNING placed.id
