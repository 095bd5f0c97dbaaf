-- A goodbye comes before the row runs out, and the mark of those that are gone after it. Of versions before 0029 a late one
-- does not, but says as every goodbye does that the worker drains, which the mark takes back.
CREATE OR REPLACE VIEW rowlock.worker_health AS
SELECT worker.id, worker.name, worker.hostname, worker.pid, worker.version, worker.queues, worker.concurrency,
       worker.running, worker.draining, worker.started_at, worker.heartbeat_at,
       CASE WHEN worker.expires_at < worker.stopped_at AND NOT worker.draining
              AND worker.stopped_at > rowlock.clock() - interval '1 day' THEN 'gone'
            WHEN worker.stopped_at IS NOT NULL THEN 'stopped'
            WHEN worker.expires_at <= rowlock.clock() THEN 'gone'
            ELSE worker.health END AS health,
       worker.health_reason
  FROM rowlock.workers AS worker;
COMMENT ON VIEW rowlock.worker_health IS
    'Workers: healthy, degraded, unhealthy, gone (no heartbeat and no goodbye; for a day) or stopped.';
