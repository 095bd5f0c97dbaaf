-- Enters a handler with its defaults and the schema of its payload, for callers that are not Python.
-- Index: handlers' primary key. Locks: its row. Fence: the newest registration wins.
INSERT INTO rowlock.handlers AS held (
    name, queue, priority, max_attempts, timeout_seconds, payload_version, payload_schema, executor, description,
    expires_in_seconds, oldest_payload_version)
VALUES (%(name)s, %(queue)s, %(priority)s, %(max_attempts)s, %(timeout_seconds)s, %(payload_version)s,
        %(payload_schema)s::jsonb, %(executor)s, %(description)s, %(expires_in_seconds)s,
        %(oldest_payload_version)s)
ON CONFLICT (name) DO UPDATE
   SET queue = excluded.queue, priority = excluded.priority, max_attempts = excluded.max_attempts,
       timeout_seconds = excluded.timeout_seconds, payload_version = excluded.payload_version,
       payload_schema = excluded.payload_schema, executor = excluded.executor, description = excluded.description,
       expires_in_seconds = excluded.expires_in_seconds, oldest_payload_version = excluded.oldest_payload_version,
       seen_at = rowlock.clock()
