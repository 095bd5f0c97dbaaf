-- An API key by its public part.
-- Index: api_keys' primary key. Locks: none. Fence: none; a read.
SELECT key.id, key.tenant_id, key.name, key.key_hash, key.scopes, key.created_at, key.created_by, key.expires_at,
       key.revoked_at, key.last_used_at,
       key.revoked_at IS NULL AND coalesce(key.expires_at > rowlock.clock(), true) AS valid
  FROM rowlock.api_keys AS key
 WHERE key.id = %(id)s
