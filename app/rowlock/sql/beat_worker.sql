-- A worker's heartbeat. A worker that was marked as gone and lives is entered as living again; what it held is lost to it
-- only where a claim has taken it over.
-- Index: workers' primary key. Locks: its own row. Fence: none; only the worker itself writes it.
UPDATE rowlock.workers AS worker
   SET heartbeat_at = rowlock.clock(),
       expires_at = rowlock.clock() + make_interval(secs => %(expires_seconds)s),
       running = %(running)s, health = %(health)s, health_reason = %(health_reason)s, draining = %(draining)s,
       stopped_at = NULL
 WHERE worker.id = %(worker_id)s
RETURNING NOT EXISTS (
        SELECT FROM rowlock.workers AS older
         WHERE NOT older.claims_in_place AND older.stopped_at IS NULL AND older.expires_at > rowlock.clock())
        AS in_place
