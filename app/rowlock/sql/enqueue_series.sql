-- Stores many tasks without keys that have all their options in common, all or none, and wakes the workers of their lane if
-- they are due. Answers with the database's clock.
-- Index: inserts into all of tasks_live's. Locks: none that wait. Fence: the primary key refuses a second task of an id.
WITH due AS MATERIALIZED (
    SELECT coalesce(%(run_at)s::timestamptz,
                    rowlock.clock() + make_interval(secs => %(delay_seconds)s::double precision)) AS visible_at
), stored AS (
    INSERT INTO rowlock.tasks_live (
        id, tenant_id, queue, name, priority, lane, visible_at, max_attempts, timeout_seconds, payload, payload_version,
        tags, metadata, parent_id, workflow_id, deadline_at)
    SELECT asked.id, %(tenant_id)s::text, %(queue)s::text, %(name)s::text, %(priority)s::smallint, %(lane)s::text,
           (SELECT due.visible_at FROM due), %(max_attempts)s::smallint, %(timeout_seconds)s::real, asked.payload::jsonb,
           %(payload_version)s::smallint, %(tags)s::text[], %(metadata)s::text::jsonb, %(parent_id)s::uuid,
           %(workflow_id)s::uuid,
           rowlock.clock() + make_interval(secs => %(expires_in_seconds)s::double precision)
      FROM unnest(%(ids)s::uuid[], %(payloads)s::text[]) AS asked (id, payload)
)
SELECT rowlock.clock(),
       CASE WHEN due.visible_at <= rowlock.clock() + interval '1 second'
            THEN pg_notify(rowlock.wake_channel(),
                           rowlock.news_of(%(queue)s::text, %(priority)s::smallint, %(lane)s::text, due.visible_at)) END
  FROM due
