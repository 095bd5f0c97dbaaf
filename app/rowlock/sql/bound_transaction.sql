-- Bounds the transaction that it opens: it waits for no lock for longer than that, and a client that stalls in it does
-- not hold others up for long.
-- Index: none. Locks: none. Fence: none; it concerns this transaction alone.
SELECT set_config('lock_timeout', %(lock_timeout)s, true), set_config('idle_in_transaction_session_timeout', '5s', true)
