-- Bounds how long a silent holder can keep the leader's lock: PostgreSQL ends a session that says nothing for so long,
-- be its process stopped, its host frozen or the network cut. Returns the process id of the backend.
-- Index: none. Locks: none. Fence: none; it concerns this session alone.
SELECT pg_backend_pid() AS backend_pid,
       set_config('idle_session_timeout', %(silence_ms)s, false), set_config('lock_timeout', %(silence_ms)s, false)
