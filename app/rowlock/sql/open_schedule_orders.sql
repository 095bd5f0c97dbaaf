-- What SQL has asked of schedules and nobody has settled yet, in order.
-- Index: schedule_orders_open. Locks: none. Fence: none; hold_schedule_order.sql looks again.
SELECT placed.id, placed.tenant_id, placed.schedule, placed.action, placed.arguments, placed.actor, placed.request_id
  FROM rowlock.schedule_orders AS placed
 WHERE placed.settled_at IS NULL
 ORDER BY placed.number
 LIMIT %(limit)s
