-- Bounds the transaction that it opens: a client that stalls in it does not hold others up for long.
-- Index: none. Locks: none. Fence: none; it concerns this transaction alone.
SELECT set_config('lock_timeout', '2s', true), set_config('idle_in_transaction_session_timeout', '5s', true)
