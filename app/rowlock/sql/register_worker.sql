-- Enters a worker process; its number names it in tasks and executions.
-- Index: none. Locks: none that wait. Fence: a fresh id.
INSERT INTO rowlock.workers (name, hostname, pid, version, queues, concurrency, expires_at)
VALUES (%(name)s, %(hostname)s, %(pid)s, %(version)s, %(queues)s, %(concurrency)s,
        rowlock.clock() + make_interval(secs => %(expires_seconds)s))
RETURNING id
