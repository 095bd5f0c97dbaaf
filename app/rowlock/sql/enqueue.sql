-- Stores one task that has no idempotency or unique key (those go through rowlock.enqueue_many), and wakes workers,
-- which are told of its lane and so need not look for it, and since when it is visible, wherever their floors are by the
-- time of the commit.
-- Index: inserts into all of tasks_live's. Locks: none that wait. Fence: the primary key refuses a second task of the id.
WITH stored AS (
    INSERT INTO rowlock.tasks_live (
        id, tenant_id, queue, name, priority, lane, visible_at, max_attempts, timeout_seconds, payload,
        payload_version, tags, metadata, parent_id, workflow_id, deadline_at)
    VALUES (
        %(id)s, %(tenant_id)s, %(queue)s, %(name)s, %(priority)s, %(lane)s,
        coalesce(%(run_at)s::timestamptz, rowlock.clock() + make_interval(secs => %(delay_seconds)s)),
        %(max_attempts)s, %(timeout_seconds)s, %(payload)s::jsonb, %(payload_version)s, %(tags)s::text[],
        %(metadata)s::jsonb, %(parent_id)s, %(workflow_id)s,
        rowlock.clock() + make_interval(secs => %(expires_in_seconds)s))
    RETURNING queue, priority, lane, visible_at
)
SELECT pg_notify(rowlock.wake_channel(), rowlock.news_of(queue, priority, lane, visible_at))
  FROM stored WHERE %(wake)s::boolean
