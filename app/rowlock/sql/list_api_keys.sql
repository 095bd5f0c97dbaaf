-- API keys in order of their ids, a page at a time; of all tenants where none is given.
-- Index: api_keys' primary key. Locks: none. Fence: none; a read.
SELECT key.id, key.tenant_id, key.name, key.key_hash, key.scopes, key.created_at, key.created_by, key.expires_at,
       key.revoked_at, key.last_used_at,
       key.revoked_at IS NULL AND coalesce(key.expires_at > rowlock.clock(), true) AS valid
  FROM rowlock.api_keys AS key
 WHERE (%(tenant_id)s::text IS NULL OR key.tenant_id = %(tenant_id)s) AND key.id > %(past)s
 ORDER BY key.id
 LIMIT %(limit)s
