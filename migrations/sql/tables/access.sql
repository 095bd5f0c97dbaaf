CREATE TABLE rowlock.api_keys (
    id           text             NOT NULL PRIMARY KEY,
    tenant_id    text COLLATE "C" NOT NULL DEFAULT 'default',
    name         text             NOT NULL,
    key_hash     bytea            NOT NULL,
    scopes       text[]           NOT NULL,
    created_at   timestamptz      NOT NULL DEFAULT rowlock.clock(),
    created_by   text             NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
COMMENT ON TABLE rowlock.api_keys IS 'Keys of the REST API; the secret itself is never stored.';
COMMENT ON COLUMN rowlock.api_keys.id IS 'Public part of the key.';
COMMENT ON COLUMN rowlock.api_keys.tenant_id IS 'Tenant for which the key acts.';
COMMENT ON COLUMN rowlock.api_keys.name IS 'What people call it.';
COMMENT ON COLUMN rowlock.api_keys.key_hash IS 'SHA-256 of the whole key.';
COMMENT ON COLUMN rowlock.api_keys.scopes IS 'read, write, admin.';
COMMENT ON COLUMN rowlock.api_keys.created_at IS 'When it was made.';
COMMENT ON COLUMN rowlock.api_keys.created_by IS 'Who made it.';
COMMENT ON COLUMN rowlock.api_keys.expires_at IS 'When it stops to work; null for never.';
COMMENT ON COLUMN rowlock.api_keys.revoked_at IS 'When it was revoked.';
COMMENT ON COLUMN rowlock.api_keys.last_used_at IS 'When it was last used, to the minute.';

CREATE TABLE rowlock.audit_log (
    at           timestamptz      NOT NULL DEFAULT rowlock.clock(),
    tenant_id    text COLLATE "C" NOT NULL,
    actor        text             NOT NULL,
    action       text             NOT NULL,
    subject_kind text             NOT NULL,
    subject_id   text             NOT NULL,
    detail       jsonb,
    request_id   text
) PARTITION BY RANGE (at);
CREATE TABLE rowlock.audit_log_default PARTITION OF rowlock.audit_log DEFAULT;
CREATE INDEX audit_log_subject ON rowlock.audit_log (tenant_id, subject_kind, subject_id);

COMMENT ON TABLE rowlock.audit_log IS 'What people and keys changed, append-only, one partition a month.';
COMMENT ON COLUMN rowlock.audit_log.at IS 'When.';
COMMENT ON COLUMN rowlock.audit_log.tenant_id IS 'Tenant whose thing was changed.';
COMMENT ON COLUMN rowlock.audit_log.actor IS 'Who: a key, a person at the command line, or a database role.';
COMMENT ON COLUMN rowlock.audit_log.action IS 'What was done, such as task.redrive.';
COMMENT ON COLUMN rowlock.audit_log.subject_kind IS 'Kind of the thing changed.';
COMMENT ON COLUMN rowlock.audit_log.subject_id IS 'Which one.';
COMMENT ON COLUMN rowlock.audit_log.detail IS 'Particulars.';
COMMENT ON COLUMN rowlock.audit_log.request_id IS 'Request that did it.';
