-- All handlers that workers have registered.
-- Index: none; handlers is small. Locks: none. Fence: none; a read.
SELECT handler.name, handler.queue, handler.priority, handler.max_attempts, handler.timeout_seconds,
       handler.payload_version, handler.payload_schema, handler.executor, handler.description, handler.registered_at,
       handler.seen_at, handler.expires_in_seconds, handler.oldest_payload_version
  FROM rowlock.handlers AS handler
 ORDER BY handler.name
