CREATE TABLE rowlock.idempotency_keys (
    tenant_id    text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    request_hash bytea            NOT NULL,
    task_id      uuid             NOT NULL,
    created_at   timestamptz      NOT NULL DEFAULT rowlock.clock(),
    expires_at   timestamptz      NOT NULL,
    PRIMARY KEY (tenant_id, key)
) PARTITION BY HASH (tenant_id, key);

CREATE TABLE rowlock.idempotency_keys_0 PARTITION OF rowlock.idempotency_keys FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE rowlock.idempotency_keys_1 PARTITION OF rowlock.idempotency_keys FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE rowlock.idempotency_keys_2 PARTITION OF rowlock.idempotency_keys FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE rowlock.idempotency_keys_3 PARTITION OF rowlock.idempotency_keys FOR VALUES WITH (MODULUS 4, REMAINDER 3);

-- What maintenance may forget.
CREATE INDEX idempotency_keys_expiry ON rowlock.idempotency_keys (expires_at);

COMMENT ON TABLE rowlock.idempotency_keys IS 'Requests already taken: each key names the one task that it made.';
COMMENT ON COLUMN rowlock.idempotency_keys.tenant_id IS 'Tenant that sent the request.';
COMMENT ON COLUMN rowlock.idempotency_keys.key IS 'The caller''s key.';
COMMENT ON COLUMN rowlock.idempotency_keys.request_hash IS 'SHA-256 of the request, by which another request under the same key is refused.';
COMMENT ON COLUMN rowlock.idempotency_keys.task_id IS 'Task that the request made.';
COMMENT ON COLUMN rowlock.idempotency_keys.created_at IS 'When the request came.';
COMMENT ON COLUMN rowlock.idempotency_keys.expires_at IS 'When the key may be used anew.';
