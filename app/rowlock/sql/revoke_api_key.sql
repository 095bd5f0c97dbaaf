-- Revokes an API key for good, and notes who did it; a key that is revoked already keeps its first date.
-- Index: api_keys' primary key. Locks: its row. Fence: revoked_at is only ever set where it is null.
WITH held AS (
    SELECT key.id, key.revoked_at FROM rowlock.api_keys AS key
     WHERE key.id = %(id)s AND (%(tenant_id)s::text IS NULL OR key.tenant_id = %(tenant_id)s)
       FOR UPDATE
), revoked AS (
    UPDATE rowlock.api_keys AS key SET revoked_at = coalesce(key.revoked_at, rowlock.clock())
      FROM held WHERE key.id = held.id
    RETURNING key.*
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    SELECT revoked.tenant_id, %(actor)s, 'key.revoke', 'key', revoked.id, jsonb_build_object('name', revoked.name),
           %(request_id)s
      FROM revoked JOIN held ON held.id = revoked.id WHERE held.revoked_at IS NULL
)
SELECT revoked.id, revoked.tenant_id, revoked.name, revoked.key_hash, revoked.scopes, revoked.created_at,
       revoked.created_by, revoked.expires_at, revoked.revoked_at, revoked.last_used_at, false AS valid
  FROM revoked
