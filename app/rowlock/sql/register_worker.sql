-- Enters a worker process; its number names it in tasks and executions.
-- Index: none. Locks: none that wait. Fence: a fresh id.
INSERT INTO rowlock.workers (name, hostname, pid, version, queues, concurrency, expires_at, claims_in_place)
VALUES (%(name)s, %(hostname)s, %(pid)s, %(version)s, %(queues)s, %(concurrency)s,
        rowlock.clock() + make_interval(secs => %(expires_seconds)s), true)
RETURNING id, NOT EXISTS (
        SELECT FROM rowlock.workers AS older
         WHERE NOT older.claims_in_place AND older.stopped_at IS NULL AND older.expires_at > rowlock.clock())
        AS in_place
