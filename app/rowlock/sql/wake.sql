-- Tells workers that a queue has work.
-- Index: none. Locks: a global one at commit, hence at most a few times a second for a queue. Fence: none; only a hint.
SELECT pg_notify(rowlock.wake_channel(), %(queue)s)
