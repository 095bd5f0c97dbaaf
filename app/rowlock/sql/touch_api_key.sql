-- Notes that an API key was used, to the minute.
-- Index: api_keys' primary key. Locks: its row. Fence: at most one write a minute.
UPDATE rowlock.api_keys AS key SET last_used_at = rowlock.clock()
 WHERE key.id = %(id)s AND (key.last_used_at IS NULL OR key.last_used_at < rowlock.clock() - interval '1 minute')
