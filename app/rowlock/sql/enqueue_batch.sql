-- Stores many tasks without keys at once, all or none.
-- Index: inserts into all of tasks_live's. Locks: none that wait. Fence: the primary key refuses a second task of an id.
INSERT INTO rowlock.tasks_live (
    id, tenant_id, queue, name, priority, lane, visible_at, max_attempts, timeout_seconds, payload, payload_version,
    tags, metadata, parent_id, workflow_id, deadline_at)
SELECT asked.id, asked.tenant_id, asked.queue, asked.name, asked.priority, asked.lane,
       coalesce(asked.run_at, rowlock.clock() + make_interval(secs => asked.delay_seconds)),
       asked.max_attempts, asked.timeout_seconds, asked.payload::jsonb, asked.payload_version,
       CASE WHEN asked.tags IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(asked.tags::jsonb)) END,
       asked.metadata::jsonb, asked.parent_id, asked.workflow_id,
       rowlock.clock() + make_interval(secs => asked.expires_in_seconds)
  FROM unnest(
        %(id)s::uuid[], %(tenant_id)s::text[], %(queue)s::text[], %(name)s::text[], %(priority)s::smallint[],
        %(lane)s::text[], %(run_at)s::timestamptz[], %(delay_seconds)s::double precision[], %(max_attempts)s::smallint[],
        %(timeout_seconds)s::real[], %(payload)s::text[], %(payload_version)s::smallint[], %(tags)s::text[],
        %(metadata)s::text[], %(parent_id)s::uuid[], %(workflow_id)s::uuid[], %(expires_in_seconds)s::double precision[]
       ) AS asked (
        id, tenant_id, queue, name, priority, lane, run_at, delay_seconds, max_attempts, timeout_seconds, payload,
        payload_version, tags, metadata, parent_id, workflow_id, expires_in_seconds)
