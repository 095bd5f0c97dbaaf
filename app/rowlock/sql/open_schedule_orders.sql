-- What SQL has asked of schedules and nobody has settled yet, in order. The arguments are text: there is JSON that only
-- PostgreSQL reads.
-- Index: schedule_orders_open. Locks: none. Fence: none; hold_schedule_order.sql looks again.
SELECT placed.id, placed.tenant_id, placed.schedule, placed.action, placed.arguments::text, placed.actor,
       placed.request_id, placed.number
  FROM rowlock.schedule_orders AS placed
 WHERE placed.settled_at IS NULL AND placed.number > %(past)s
 ORDER BY placed.number
 LIMIT %(limit)s
