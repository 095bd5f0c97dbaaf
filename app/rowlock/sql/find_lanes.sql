-- Finds lanes that have something to claim, by skipping from one lane to the next in the index: a bounded number for
-- each queue and priority, from a start that moves. Paused lanes cost no more than that, however deep: nothing of theirs
-- is due. They are among the rows, for whoever asked tells by the number of rows whether the scan was cut short.
-- Lanes that are known are stepped over and looked at from their floors on: before those lie dead entries, perhaps by the
-- million while something pins xmin, and looking for the first live one would walk over all of them. For the same reason
-- it looks ahead by so many seconds only: beyond now lie the entries of leases that have ended.
-- Index: tasks_live_claim. Locks: none. Fence: none; the claim checks again.
WITH RECURSIVE starts AS (
    SELECT start.queue, start.priority, start.past COLLATE "C" AS past
      FROM unnest(%(queues)s::text[], %(priorities)s::smallint[], %(past)s::text[]) AS start (queue, priority, past)
), known AS (
    SELECT known.queue, known.priority, known.lane COLLATE "C" AS lane, known.floor_at
      FROM unnest(%(known_queues)s::text[], %(known_priorities)s::smallint[], %(known_lanes)s::text[],
                  %(known_floors)s::timestamptz[]) AS known (queue, priority, lane, floor_at)
), found AS (
    SELECT start.queue, start.priority, start.past AS lane, 0 AS nth
      FROM starts AS start
    UNION ALL
    SELECT found.queue, found.priority, next.lane, found.nth + 1
      FROM found
      LEFT JOIN LATERAL (
            SELECT known.lane FROM known
             WHERE known.queue = found.queue AND known.priority = found.priority AND known.lane > found.lane
             ORDER BY known.lane LIMIT 1) AS next_known ON true
     CROSS JOIN LATERAL (
            SELECT CASE WHEN next_known.lane IS NULL
                   THEN (SELECT task.lane FROM rowlock.tasks_live AS task
                          WHERE task.queue = found.queue AND task.priority = found.priority AND task.lane > found.lane
                          ORDER BY task.lane LIMIT 1)
                   ELSE coalesce((SELECT task.lane FROM rowlock.tasks_live AS task
                                   WHERE task.queue = found.queue AND task.priority = found.priority
                                     AND task.lane > found.lane AND task.lane < next_known.lane
                                   ORDER BY task.lane LIMIT 1), next_known.lane) END AS lane) AS next
     WHERE found.nth < %(lanes_per_scan)s AND next.lane IS NOT NULL
), seen AS MATERIALIZED (
    SELECT found.queue, found.priority, found.lane,
           EXISTS (SELECT FROM rowlock.queues AS held
                    WHERE held.name = found.queue AND held.tenant_id IN (split_part(found.lane, '/', 1), '*')
                      AND held.paused_at IS NOT NULL) AS paused
      FROM found WHERE found.nth > 0
)
SELECT seen.queue, seen.priority, seen.lane, cap.max_running IS NOT NULL AS capped,
       CASE WHEN head.visible_at <= rowlock.clock() THEN 0
            ELSE extract(epoch FROM head.visible_at - rowlock.clock()) END::float8 AS due_in_seconds
  FROM seen
  LEFT JOIN known ON known.queue = seen.queue AND known.priority = seen.priority AND known.lane = seen.lane
  LEFT JOIN LATERAL (
        SELECT task.visible_at FROM rowlock.tasks_live AS task
         WHERE NOT seen.paused
           AND task.queue = seen.queue AND task.priority = seen.priority AND task.lane = seen.lane
           AND task.visible_at >= coalesce(known.floor_at, '-infinity')
           AND task.visible_at <= rowlock.clock() + make_interval(secs => %(ahead_seconds)s)
           AND (task.status = 'pending' OR task.lease_expires_at IS NULL
                OR task.lease_expires_at <= greatest(task.visible_at, rowlock.clock()))
         ORDER BY task.visible_at LIMIT 1) AS head ON true
  LEFT JOIN rowlock.limits AS cap ON cap.queue = seen.queue AND cap.lane = seen.lane
