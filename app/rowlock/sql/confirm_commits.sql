-- Returns once whatever was committed before is as durable as this session's own commits: with a synchronous standby,
-- there too. A task that a lookup finds may have been committed by a session that was ended while it waited for that
-- standby. The write-ahead log is in order, so a commit that was waited for vouches for all before it; the message is
-- one that nobody reads, for a transaction that writes nothing waits for nothing.
-- Index: none. Locks: none. Fence: none; it changes no row.
SELECT pg_logical_emit_message(true, 'rowlock', '')
