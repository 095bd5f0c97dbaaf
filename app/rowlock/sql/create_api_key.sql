-- Enters an API key, of which only the hash is kept, and notes who made it.
-- Index: api_keys' primary key. Locks: none that wait. Fence: the primary key refuses a second key of the id.
WITH made AS (
    INSERT INTO rowlock.api_keys (id, tenant_id, name, key_hash, scopes, created_by, expires_at)
    VALUES (%(id)s, %(tenant_id)s, %(name)s, %(key_hash)s, %(scopes)s::text[], %(actor)s, %(expires_at)s)
    RETURNING *
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    SELECT made.tenant_id, %(actor)s, 'key.create', 'key', made.id,
           jsonb_build_object('name', made.name, 'scopes', made.scopes), %(request_id)s
      FROM made
)
SELECT made.id, made.tenant_id, made.name, made.key_hash, made.scopes, made.created_at, made.created_by,
       made.expires_at, made.revoked_at, made.last_used_at, coalesce(made.expires_at > rowlock.clock(), true) AS valid
  FROM made
