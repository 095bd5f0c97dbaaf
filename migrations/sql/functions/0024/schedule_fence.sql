-- A function of its own, not a FOR KEY SHARE in the statement that it fences: a row that was renewed a moment ago would
-- be looked at again there, and PostgreSQL 18 loses what it prunes partitions by when that happens, and crashes.
-- A renewal waits for FOR SHARE, and a leader that waits for its own writes would lose the lead to them. It passes by
-- FOR KEY SHARE; a new epoch does not, for leaders_epoch makes the epoch part of a key.
CREATE OR REPLACE FUNCTION rowlock.holds_epoch(role text, epoch bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM rowlock.leaders AS held
      WHERE held.role = holds_epoch.role AND held.epoch = holds_epoch.epoch FOR KEY SHARE;
    RETURN FOUND;
END $$;
COMMENT ON FUNCTION rowlock.holds_epoch(text, bigint) IS
    'Whether the epoch is the present leader''s; until the transaction ends, no other can be opened.';
