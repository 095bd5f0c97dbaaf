-- Names of queues that have live tasks, by skipping from one to the next.
-- Index: tasks_live_claim. Locks: none. Fence: none; a read.
WITH RECURSIVE found AS (
    (SELECT task.queue, 1 AS nth FROM rowlock.tasks_live AS task ORDER BY task.queue LIMIT 1)
    UNION ALL
    SELECT next.queue, found.nth + 1
      FROM found
     CROSS JOIN LATERAL (
            SELECT task.queue FROM rowlock.tasks_live AS task WHERE task.queue > found.queue ORDER BY task.queue LIMIT 1) AS next
     WHERE found.nth < %(limit)s
)
SELECT found.queue FROM found
