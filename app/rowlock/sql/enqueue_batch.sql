-- Stores many tasks without keys and of different options, all or none, and wakes the workers of those that are due:
-- of each lane with the instant since when the oldest is visible, or of the queue alone where there are many lanes.
-- Answers with the database's clock.
-- What tasks have in common is sent once: a task is an id, a payload and the number of its options.
-- Index: inserts into all of tasks_live's. Locks: none that wait. Fence: the primary key refuses a second task of an id.
WITH stored AS (
    INSERT INTO rowlock.tasks_live (
        id, tenant_id, queue, name, priority, lane, visible_at, max_attempts, timeout_seconds, payload, payload_version,
        tags, metadata, parent_id, workflow_id, deadline_at)
    SELECT asked.id, options.tenant_id, options.queue, options.name, options.priority, options.lane,
           coalesce(options.run_at, rowlock.clock() + make_interval(secs => options.delay_seconds)),
           options.max_attempts, options.timeout_seconds, asked.payload::jsonb, options.payload_version,
           CASE WHEN options.tags IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(options.tags::jsonb)) END,
           options.metadata::jsonb, options.parent_id, options.workflow_id,
           rowlock.clock() + make_interval(secs => options.expires_in_seconds)
      FROM unnest(%(ids)s::uuid[], %(payloads)s::text[], %(options)s::bigint[]) AS asked (id, payload, option)
      JOIN unnest(
            %(tenant_id)s::text[], %(queue)s::text[], %(name)s::text[], %(priority)s::smallint[], %(lane)s::text[],
            %(run_at)s::timestamptz[], %(delay_seconds)s::double precision[], %(max_attempts)s::smallint[],
            %(timeout_seconds)s::real[], %(payload_version)s::smallint[], %(tags)s::text[], %(metadata)s::text[],
            %(parent_id)s::uuid[], %(workflow_id)s::uuid[], %(expires_in_seconds)s::double precision[]
           ) WITH ORDINALITY AS options (
            tenant_id, queue, name, priority, lane, run_at, delay_seconds, max_attempts, timeout_seconds,
            payload_version, tags, metadata, parent_id, workflow_id, expires_in_seconds, option)
        ON options.option = asked.option
    RETURNING queue, priority, lane, visible_at
)
SELECT rowlock.clock(), count(pg_notify(rowlock.wake_channel(), news.told))
  FROM (
        SELECT DISTINCT CASE WHEN count(*) OVER (PARTITION BY due.queue) <= 8
                        THEN rowlock.news_of(due.queue, due.priority, due.lane, due.since) ELSE due.queue END AS told
          FROM (
                SELECT stored.queue, stored.priority, stored.lane, min(stored.visible_at) AS since
                  FROM stored
                 WHERE stored.visible_at <= rowlock.clock() + interval '1 second'
                 GROUP BY stored.queue, stored.priority, stored.lane) AS due) AS news
