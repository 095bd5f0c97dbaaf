-- What the server is and how it is set, for `rowlock doctor`. clock_timestamp() on purpose: it is compared with our own.
-- Index: none; catalogues only. Locks: none. Fence: none; a read.
-- From roles without pg_read_all_stats it is hidden what kind of session another role's is, but neither its database nor
-- its role, and all that clients open have both. So have a few others, which such a role counts too.
SELECT current_setting('server_version_num')::integer AS version,
       current_setting('server_version') AS version_text,
       pg_backend_pid() AS backend_pid,
       clock_timestamp() AS now_at,
       current_setting('fsync')::boolean AS fsync,
       current_setting('full_page_writes')::boolean AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('synchronous_standby_names') AS synchronous_standby_names,
       pg_is_in_recovery() AS in_recovery,
       current_setting('transaction_read_only')::boolean AS read_only,
       current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean AS autovacuum,
       current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer AS connections_max,
       (SELECT count(*) FROM pg_stat_activity AS session
         WHERE session.backend_type = 'client backend'
            OR (session.backend_type IS NULL AND session.datid IS NOT NULL AND session.usesysid IS NOT NULL)
       ) AS connections_used,
       quote_ident(current_user) AS role,
       pg_has_role('pg_read_all_stats', 'USAGE') AS sees_sessions
