-- Lets one claim at a time count what a capped lane runs. Held until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended(%(queue)s || '/' || %(lane)s, 0))
