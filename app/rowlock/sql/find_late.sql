-- Finds what lies before the floors of lanes, where claims do not look: it was committed late, or claimed in its place and
-- lost. Where something pins xmin it walks over the dead entries of all that was claimed since it begins, so it is asked
-- now and then, and beside the claims.
-- Index: tasks_live_claim. Locks: none. Fence: none; the claim checks again.
SELECT asked.queue, asked.priority, asked.lane, late.visible_at
  FROM unnest(%(queues)s::text[], %(priorities)s::smallint[], %(lanes)s::text[], %(begins)s::timestamptz[],
              %(ends)s::timestamptz[]) AS asked (queue, priority, lane, begins_at, ends_at)
 CROSS JOIN LATERAL (
        SELECT task.visible_at FROM rowlock.tasks_live AS task
         WHERE task.queue = asked.queue AND task.priority = asked.priority AND task.lane = asked.lane
           AND task.visible_at >= asked.begins_at AND task.visible_at < asked.ends_at
           AND (task.status = 'pending' OR task.lease_expires_at IS NULL OR task.lease_expires_at <= rowlock.clock())
         ORDER BY task.visible_at LIMIT 1) AS late
