-- For each queue, how many live workers take from it, which those that drain do not, and how many handlers name it.
-- Index: none; workers and handlers are small. Locks: none. Fence: none; a read.
SELECT served.queue, sum(served.workers)::integer AS workers, sum(served.handlers)::integer AS handlers
  FROM (SELECT subscribed.queue, (NOT worker.draining)::integer AS workers, 0 AS handlers
          FROM rowlock.workers AS worker CROSS JOIN LATERAL unnest(worker.queues) AS subscribed (queue)
         WHERE worker.stopped_at IS NULL AND worker.expires_at > rowlock.clock()
         UNION ALL
        SELECT handler.queue, 0, 1 FROM rowlock.handlers AS handler) AS served
 GROUP BY served.queue
 ORDER BY served.queue
