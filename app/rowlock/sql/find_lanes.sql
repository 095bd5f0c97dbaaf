-- Finds lanes that have something to claim, by skipping from one lane to the next in the index: a bounded number for
-- each queue and priority, from a start that moves. Paused lanes are left out and so cost nothing, however deep.
-- Index: tasks_live_claim. Locks: none. Fence: none; the claim checks again.
WITH RECURSIVE starts AS (
    SELECT start.queue, start.priority, start.past
      FROM unnest(%(queues)s::text[], %(priorities)s::smallint[], %(past)s::text[]) AS start (queue, priority, past)
), found AS (
    SELECT start.queue, start.priority, head.lane, 1 AS nth
      FROM starts AS start
     CROSS JOIN LATERAL (
            SELECT task.lane FROM rowlock.tasks_live AS task
             WHERE task.queue = start.queue AND task.priority = start.priority AND task.lane > start.past
             ORDER BY task.lane LIMIT 1) AS head
    UNION ALL
    SELECT found.queue, found.priority, head.lane, found.nth + 1
      FROM found
     CROSS JOIN LATERAL (
            SELECT task.lane FROM rowlock.tasks_live AS task
             WHERE task.queue = found.queue AND task.priority = found.priority AND task.lane > found.lane
             ORDER BY task.lane LIMIT 1) AS head
     WHERE found.nth < %(lanes_per_scan)s
)
SELECT found.queue, found.priority, found.lane, cap.max_running IS NOT NULL AS capped, head.visible_at IS NOT NULL AS due
  FROM found
  LEFT JOIN LATERAL (
        SELECT task.visible_at FROM rowlock.tasks_live AS task
         WHERE task.queue = found.queue AND task.priority = found.priority AND task.lane = found.lane
           AND task.visible_at <= rowlock.clock()
         ORDER BY task.visible_at LIMIT 1) AS head ON true
  LEFT JOIN rowlock.limits AS cap ON cap.queue = found.queue AND cap.lane = found.lane
 WHERE NOT EXISTS (
        SELECT FROM rowlock.queues AS held
         WHERE held.name = found.queue AND held.tenant_id IN (split_part(found.lane, '/', 1), '*')
           AND held.paused_at IS NOT NULL)
