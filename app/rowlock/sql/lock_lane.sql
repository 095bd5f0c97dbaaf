-- Lets one claim at a time count what a capped lane runs. Bounds the transaction that it is in, too: it waits for no lock
-- for longer than that, and a worker that freezes in it does not keep the lane from the others for long.
-- Index: none. Locks: an advisory one, held until the transaction ends. Fence: none; it is what makes a count hold.
SELECT set_config('lock_timeout', '2s', true), set_config('idle_in_transaction_session_timeout', '5s', true),
       pg_advisory_xact_lock(hashtextextended(%(queue)s || '/' || %(lane)s, 0))
