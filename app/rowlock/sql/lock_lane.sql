-- Lets one claim at a time count what a capped lane runs.
-- Index: none. Locks: an advisory one, held until the transaction ends. Fence: none; it is what makes a count hold.
SELECT pg_advisory_xact_lock(hashtextextended(%(queue)s || '/' || %(lane)s, 0))
