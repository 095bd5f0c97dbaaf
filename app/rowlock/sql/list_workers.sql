-- Workers with what they say of themselves, newest first, a page at a time; or first those that are not well, of all.
-- Index: workers' primary key. Locks: none. Fence: none; a read.
SELECT worker.id, worker.name, worker.hostname, worker.pid, worker.version, worker.queues, worker.concurrency,
       worker.running, worker.health, worker.health_reason, worker.draining, worker.started_at, worker.heartbeat_at
  FROM rowlock.worker_health AS worker
 WHERE worker.id < coalesce(%(before)s::integer, 2147483647)
   AND (%(healths)s::text[] IS NULL OR worker.health = ANY (%(healths)s))
 ORDER BY CASE WHEN %(ailing_first)s::boolean
          THEN array_position('{unhealthy,degraded,healthy,gone,stopped}', worker.health) END, worker.id DESC
 LIMIT %(limit)s
