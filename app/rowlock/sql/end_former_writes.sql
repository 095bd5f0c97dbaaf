-- Ends the sessions of a former leader whose statement is done but for a reply that nobody takes: its process is frozen or
-- cut off, and until it is back the statement's transaction would hold the leader's row, and nobody could lead.
-- Index: none; it reads PostgreSQL's tables of sessions and locks. Locks: none. Fence: the caller holds the role's lock,
-- so whoever else holds the row leads no more; what is ended is rolled back, and fires anew under the next epoch.
SELECT count(pg_terminate_backend(session.pid)) AS ended
  FROM pg_stat_activity AS session
 WHERE session.datname = current_database() AND session.usename = current_user
   AND session.pid <> pg_backend_pid() AND session.wait_event = 'ClientWrite'
   AND EXISTS (
        SELECT FROM pg_locks AS held
         WHERE held.pid = session.pid AND held.relation = 'rowlock.leaders'::regclass AND held.mode = 'RowShareLock')
