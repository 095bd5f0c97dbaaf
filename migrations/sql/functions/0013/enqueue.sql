CREATE OR REPLACE FUNCTION rowlock.enqueue(
    name text,
    payload jsonb DEFAULT '{}',
    queue text DEFAULT NULL,
    priority text DEFAULT NULL,
    delay interval DEFAULT NULL,
    run_at timestamptz DEFAULT NULL,
    max_attempts integer DEFAULT NULL,
    timeout interval DEFAULT NULL,
    tags text[] DEFAULT NULL,
    idempotency_key text DEFAULT NULL,
    unique_key text DEFAULT NULL,
    on_duplicate text DEFAULT NULL,
    flow_key text DEFAULT NULL,
    metadata jsonb DEFAULT NULL,
    payload_version integer DEFAULT NULL,
    parent_id uuid DEFAULT NULL,
    id uuid DEFAULT NULL,
    tenant_id text DEFAULT 'default',
    expires_in interval DEFAULT NULL
) RETURNS uuid
LANGUAGE sql AS $$
    SELECT stored.id FROM rowlock.enqueue_many(jsonb_build_array(jsonb_build_object(
        'name', enqueue.name, 'payload', enqueue.payload, 'queue', enqueue.queue, 'priority', enqueue.priority,
        'delay_seconds', extract(epoch FROM enqueue.delay), 'run_at', enqueue.run_at,
        'max_attempts', enqueue.max_attempts, 'timeout_seconds', extract(epoch FROM enqueue.timeout),
        'tags', to_jsonb(enqueue.tags), 'idempotency_key', enqueue.idempotency_key, 'unique_key', enqueue.unique_key,
        'on_duplicate', enqueue.on_duplicate, 'flow_key', enqueue.flow_key, 'metadata', enqueue.metadata,
        'payload_version', enqueue.payload_version, 'parent_id', enqueue.parent_id, 'id', enqueue.id,
        'expires_in_seconds', extract(epoch FROM enqueue.expires_in)
    )), enqueue.tenant_id) AS stored
$$;
COMMENT ON FUNCTION rowlock.enqueue(text, jsonb, text, text, interval, timestamptz, integer, interval, text[], text, text, text, text, jsonb, integer, uuid, uuid, text, interval) IS
    'Enqueues one task in the caller''s transaction and returns its id (of the earlier task, where a key names one).';

-- The same with the priority as a number: SQL has no implicit cast from integer to text.
CREATE OR REPLACE FUNCTION rowlock.enqueue(
    name text,
    payload jsonb,
    priority integer,
    queue text DEFAULT NULL,
    delay interval DEFAULT NULL,
    run_at timestamptz DEFAULT NULL,
    max_attempts integer DEFAULT NULL,
    timeout interval DEFAULT NULL,
    tags text[] DEFAULT NULL,
    idempotency_key text DEFAULT NULL,
    unique_key text DEFAULT NULL,
    on_duplicate text DEFAULT NULL,
    flow_key text DEFAULT NULL,
    metadata jsonb DEFAULT NULL,
    payload_version integer DEFAULT NULL,
    parent_id uuid DEFAULT NULL,
    id uuid DEFAULT NULL,
    tenant_id text DEFAULT 'default',
    expires_in interval DEFAULT NULL
) RETURNS uuid
LANGUAGE sql AS $$
    SELECT rowlock.enqueue(
        name => enqueue.name, payload => enqueue.payload, queue => enqueue.queue, priority => enqueue.priority::text,
        delay => enqueue.delay, run_at => enqueue.run_at, max_attempts => enqueue.max_attempts,
        timeout => enqueue.timeout, tags => enqueue.tags, idempotency_key => enqueue.idempotency_key,
        unique_key => enqueue.unique_key, on_duplicate => enqueue.on_duplicate, flow_key => enqueue.flow_key,
        metadata => enqueue.metadata, payload_version => enqueue.payload_version, parent_id => enqueue.parent_id,
        id => enqueue.id, tenant_id => enqueue.tenant_id, expires_in => enqueue.expires_in)
$$;
COMMENT ON FUNCTION rowlock.enqueue(text, jsonb, integer, text, interval, timestamptz, integer, interval, text[], text, text, text, text, jsonb, integer, uuid, uuid, text, interval) IS
    'enqueue with the priority as a number, 0 to 3.';
