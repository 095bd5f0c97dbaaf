-- The same view as it was while a worker that is gone was told from one that has stopped until it was marked.
CREATE OR REPLACE VIEW rowlock.worker_health AS
SELECT worker.id, worker.name, worker.hostname, worker.pid, worker.version, worker.queues, worker.concurrency,
       worker.running, worker.draining, worker.started_at, worker.heartbeat_at,
       CASE WHEN worker.stopped_at IS NOT NULL THEN 'stopped'
            WHEN worker.expires_at <= rowlock.clock() THEN 'gone'
            ELSE worker.health END AS health,
       worker.health_reason
  FROM rowlock.workers AS worker;
COMMENT ON VIEW rowlock.worker_health IS 'Workers: healthy, degraded, unhealthy, gone (no heartbeat) or stopped.';
