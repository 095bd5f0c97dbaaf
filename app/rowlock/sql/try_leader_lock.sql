-- Asks once for the lock of a role, on the connection that keeps it for as long as the process leads.
-- Index: none. Locks: the role's advisory lock, for the session, without waiting. Fence: none; take_leadership.sql
-- opens the epoch that fences what the winner writes.
SELECT pg_try_advisory_lock(hashtextextended(%(lock)s, 0)) AS won
