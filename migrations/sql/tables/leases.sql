-- What a lease says of itself, so that a claim need not move visible_at.

-- tasks_live first, as whoever finishes tasks takes them; ALTER TABLE begins with the parent.
LOCK TABLE ONLY rowlock.tasks_live, ONLY rowlock.tasks IN ACCESS EXCLUSIVE MODE;
ALTER TABLE rowlock.tasks
    ADD COLUMN lease_expires_at timestamptz,
    ADD COLUMN lease_moved      boolean;

COMMENT ON COLUMN rowlock.tasks.visible_at IS
    'When a worker may claim the task: the delay''s end, or the backoff''s. While it runs, the lease''s end where lease_moved; greatest(visible_at, lease_expires_at) is right for all.';
COMMENT ON COLUMN rowlock.tasks.lease_expires_at IS 'When the lease of the running attempt ends; null while the task waits.';
COMMENT ON COLUMN rowlock.tasks.lease_moved IS
    'True where the running attempt moved visible_at to its lease''s end: it was renewed, is the last, takes long, or its lane has a cap. Others were claimed in their place.';
