-- Whether a request was taken under that idempotency key, so that who sends it again may be told what it made. In its last
-- minute a key does not count any more: the request is stored a moment later, and then it must still be there.
-- Index: idempotency_keys' primary key. Locks: none. Fence: none; a read.
SELECT EXISTS (
    SELECT FROM rowlock.idempotency_keys AS held
     WHERE held.tenant_id = %(tenant_id)s AND held.key = %(key)s
       AND held.expires_at > rowlock.clock() + interval '1 minute')
