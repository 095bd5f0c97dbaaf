-- Reads requests for tasks, fills in the handlers' defaults, and says of each what is wrong with it, if anything.
-- A client that knows the handler's defaults has filled them in itself, and names those fields in filled_in: one hash is
-- over all that it sends, the other over what the caller said. That one takes values for what they mean, so that every
-- language and session makes the same of it, and holds nothing of what is unsaid, so that a new field changes no request:
-- a null is unsaid, but for what such a client lacks and has not filled in: there the caller wanted none.
-- The former hashes are what this one was over: before 0029 JSON as it was spelt, and until 0031 a payload whose numbers
-- kept the zeros at their end; and REST of before 0029, which may be at work still after that, says of no tags that none
-- are wanted, which it leaves unsaid by now. Keys from then are known by them.
CREATE OR REPLACE FUNCTION rowlock.read_task_requests(tasks jsonb, tenant_id text)
RETURNS SETOF rowlock.task_request
LANGUAGE sql VOLATILE AS $$
    SELECT asked.ordinality::integer,
        CASE
            WHEN asked.name IS NULL OR asked.name !~ '^[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,199}$'
                THEN format('name %s must be 1 to 200 letters, digits or _ . : / - and start with a letter, digit or _', coalesce(quote_literal(asked.name), 'null'))
            WHEN coalesce(asked.queue, '_') !~ '^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}$'
                THEN format('queue %L must be 1 to 100 letters, digits or _ . : - and start with a letter, digit or _', asked.queue)
            WHEN read_task_requests.tenant_id !~ '^[a-z0-9][a-z0-9_.-]{0,62}$'
                THEN format('tenant_id %L must be 1 to 63 lower-case letters, digits or _ . -', read_task_requests.tenant_id)
            WHEN length(asked.flow_key) NOT BETWEEN 1 AND 100
                THEN format('flow_key %L must be 1 to 100 characters', asked.flow_key)
            WHEN coalesce(jsonb_typeof(asked.payload), 'object') NOT IN ('object', 'null')
                THEN 'payload must be a JSON object'
            WHEN coalesce(jsonb_typeof(asked.metadata), 'object') NOT IN ('object', 'null')
                THEN 'metadata must be a JSON object'
            WHEN asked.priority IS NOT NULL AND rowlock.priority_number(asked.priority) IS NULL
                THEN format('priority %L must be critical, high, normal, low or 0 to 3', asked.priority)
            WHEN asked.delay_seconds IS NOT NULL AND asked.run_at IS NOT NULL
                THEN 'delay and run_at exclude each other'
            WHEN asked.delay_seconds NOT BETWEEN 0 AND 3660 * 86400.0
                THEN format('delay of %s seconds must be between 0 and 3660 days', asked.delay_seconds)
            WHEN asked.run_at NOT BETWEEN '1970-01-01 00:00+00' AND '9998-12-31 23:59:59.999999+00'
                THEN format('run_at %s must lie between the years 1970 and 9998', asked.run_at)
            WHEN asked.max_attempts NOT BETWEEN 1 AND 1000
                THEN format('max_attempts %s must be 1 to 1000', asked.max_attempts)
            WHEN NOT (asked.timeout_seconds > 0 AND asked.timeout_seconds <= 30 * 86400)
                THEN format('timeout of %s seconds must be above 0 and at most 30 days', asked.timeout_seconds)
            WHEN NOT (lifetime.seconds > 0 AND lifetime.seconds <= 3660 * 86400.0)
                THEN format('expires_in of %s seconds must be above 0 and at most 3660 days', lifetime.seconds)
            WHEN asked.delay_seconds >= lifetime.seconds
                THEN format('the delay of %s seconds lasts until the task has expired, after %s seconds', asked.delay_seconds, lifetime.seconds)
            WHEN asked.payload_version NOT BETWEEN 1 AND 32767
                THEN format('payload_version %s must be 1 to 32767', asked.payload_version)
            WHEN cardinality(asked.tags) > 20 OR array_ndims(asked.tags) > 1 OR EXISTS (SELECT FROM unnest(asked.tags) AS tag WHERE tag IS NULL OR length(tag) NOT BETWEEN 1 AND 100)
                THEN 'tags must be at most 20 texts of 1 to 100 characters'
            WHEN length(asked.idempotency_key) NOT BETWEEN 1 AND 255
                THEN 'idempotency_key must be 1 to 255 characters'
            WHEN length(asked.unique_key) NOT BETWEEN 1 AND 255
                THEN 'unique_key must be 1 to 255 characters'
            WHEN coalesce(asked.on_duplicate, 'skip') NOT IN ('skip', 'replace', 'refuse')
                THEN format('on_duplicate %L must be skip, replace or refuse', asked.on_duplicate)
            WHEN asked.idempotency_seconds IS NOT NULL AND asked.idempotency_seconds NOT BETWEEN 1 AND 366 * 86400.0
                THEN 'idempotency_seconds must be between 1 second and 366 days'
            WHEN unknown.field IS NOT NULL
                THEN format('field %L is not known', unknown.field)
        END,
        coalesce(asked.id, rowlock.new_id()),
        asked.name,
        CASE WHEN jsonb_typeof(asked.payload) = 'object' THEN asked.payload ELSE '{}' END,
        coalesce(asked.queue, handler.queue, 'default'),
        coalesce(rowlock.priority_number(asked.priority), handler.priority, 2::smallint),
        read_task_requests.tenant_id || coalesce('/' || asked.flow_key, ''),
        coalesce(asked.run_at,
                 rowlock.clock() + make_interval(secs => CASE WHEN asked.delay_seconds BETWEEN 0 AND 3660 * 86400.0 THEN asked.delay_seconds END),
                 rowlock.clock()),
        coalesce(CASE WHEN asked.max_attempts BETWEEN 1 AND 1000 THEN asked.max_attempts::smallint END, handler.max_attempts, 4::smallint),
        coalesce(asked.timeout_seconds, handler.timeout_seconds),
        asked.tags,
        CASE WHEN jsonb_typeof(asked.metadata) = 'object' THEN asked.metadata END,
        coalesce(CASE WHEN asked.payload_version BETWEEN 1 AND 32767 THEN asked.payload_version::smallint END, handler.payload_version, 1::smallint),
        asked.idempotency_key,
        coalesce(asked.idempotency_seconds, 86400),
        asked.unique_key,
        coalesce(asked.on_duplicate, 'skip'),
        asked.parent_id,
        asked.workflow_id,
        CASE WHEN asked.idempotency_key IS NOT NULL THEN sha256(convert_to((asked.essence - 'filled_in')::text, 'UTF8')) END,
        rowlock.clock() + make_interval(secs => CASE WHEN lifetime.seconds BETWEEN 0 AND 3660 * 86400.0 THEN lifetime.seconds END),
        CASE WHEN asked.idempotency_key IS NOT NULL THEN
            sha256(convert_to((meant.options || jsonb_build_object('payload', meant.plain))::text, 'UTF8')) END,
        CASE WHEN asked.idempotency_key IS NOT NULL THEN ARRAY[
            sha256(convert_to((asked.essence - coalesce(asked.filled_in, '{}'))::text, 'UTF8')),
            CASE WHEN asked.tags IS NULL THEN sha256(convert_to(
                jsonb_set(asked.essence - asked.filled_in, '{filled_in}', to_jsonb(array_remove(asked.filled_in, 'tags')))::text, 'UTF8')) END,
            CASE WHEN meant.respelt THEN
                sha256(convert_to((meant.options || jsonb_build_object('payload', meant.spelt))::text, 'UTF8')) END,
            CASE WHEN asked.tags IS NULL THEN
                sha256(convert_to((meant.options || jsonb_build_object('payload', meant.plain, 'tags', '[]'::jsonb))::text, 'UTF8')) END,
            CASE WHEN asked.tags IS NULL AND meant.respelt THEN
                sha256(convert_to((meant.options || jsonb_build_object('payload', meant.spelt, 'tags', '[]'::jsonb))::text, 'UTF8')) END] END
      FROM jsonb_array_elements(read_task_requests.tasks) WITH ORDINALITY AS whole (request, ordinality)
     CROSS JOIN LATERAL jsonb_to_record(whole.request) AS fields (
            id uuid, name text, payload jsonb, queue text, priority text, flow_key text,
            delay_seconds double precision, run_at timestamptz, expires_in_seconds double precision,
            max_attempts integer, timeout_seconds real,
            tags text[], metadata jsonb, payload_version integer, idempotency_key text,
            idempotency_seconds double precision, unique_key text, on_duplicate text, parent_id uuid, workflow_id uuid,
            filled_in text[])
     CROSS JOIN LATERAL (
            SELECT fields.*, whole.ordinality,
                   whole.request - ARRAY['id', 'metadata', 'idempotency_key', 'idempotency_seconds', 'parent_id', 'workflow_id'] AS essence) AS asked
      LEFT JOIN LATERAL (
            SELECT field FROM jsonb_object_keys(whole.request) AS field
             WHERE field NOT IN ('id', 'name', 'payload', 'queue', 'priority', 'flow_key', 'delay_seconds', 'run_at',
                                 'expires_in_seconds', 'max_attempts', 'timeout_seconds', 'tags', 'metadata',
                                 'payload_version', 'idempotency_key', 'idempotency_seconds', 'unique_key',
                                 'on_duplicate', 'parent_id', 'workflow_id', 'filled_in')
             LIMIT 1) AS unknown ON true
      LEFT JOIN rowlock.handlers AS handler ON handler.name = asked.name
     CROSS JOIN LATERAL (SELECT coalesce(asked.expires_in_seconds, handler.expires_in_seconds) AS seconds) AS lifetime
     CROSS JOIN LATERAL (
            SELECT CASE WHEN asked.filled_in IS NOT NULL THEN 0 END AS no_seconds,
                   CASE WHEN asked.filled_in IS NOT NULL THEN '{}'::text[] END AS no_tags) AS wanted
      LEFT JOIN LATERAL (
            SELECT payload.spelt, payload.plain, payload.spelt::text <> payload.plain::text AS respelt,
                   jsonb_strip_nulls(jsonb_build_object(
                        'name', asked.name, 'queue', asked.queue, 'priority', rowlock.priority_number(asked.priority),
                        'flow_key', asked.flow_key, 'delay_seconds', nullif(asked.delay_seconds, 0)::numeric,
                        'run_at', extract(epoch FROM asked.run_at),
                        'expires_in_seconds', coalesce(asked.expires_in_seconds, wanted.no_seconds)::numeric,
                        'max_attempts', asked.max_attempts,
                        'timeout_seconds', coalesce(asked.timeout_seconds, wanted.no_seconds)::double precision::numeric,
                        'tags', coalesce(nullif(asked.tags, '{}'), wanted.no_tags),
                        'payload_version', asked.payload_version, 'unique_key', asked.unique_key,
                        'on_duplicate', CASE WHEN asked.unique_key IS NOT NULL THEN coalesce(asked.on_duplicate, 'skip') END
                   )) - coalesce(asked.filled_in, '{}') AS options
              FROM (SELECT given.spelt, rowlock.plain_numbers(given.spelt) AS plain
                      FROM (SELECT CASE WHEN jsonb_typeof(asked.payload) = 'object' THEN asked.payload ELSE '{}' END AS spelt) AS given
                    OFFSET 0) AS payload
             WHERE asked.idempotency_key IS NOT NULL
            OFFSET 0) AS meant ON true  -- computed once, for keyed requests alone
$$;
COMMENT ON FUNCTION rowlock.read_task_requests(jsonb, text) IS
    'The tasks that a JSON array asks for, defaults filled in, with the problem of each that cannot be stored.';
