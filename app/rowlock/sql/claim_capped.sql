-- Takes ready tasks of one lane that has a concurrency cap. The caller holds lock_lane.sql's lock in this transaction, so
-- the count of running rows cannot change between the check and the claim: nothing can leak, whoever dies.
-- Index: tasks_live_claim in order; tasks_live_moved for the count. While the cap is younger than the longest lease, what
-- runs may have been claimed in its place before, and the whole lane is counted; while a worker lives, or has not yet
-- been cleared up after, that does not mark leases as moved, all that becomes visible later.
-- Locks: the picked rows, skipping others'. Fence: a fresh lease_token for each row.
WITH lanes AS (
    SELECT cap.queue, %(priority)s::smallint AS priority, cap.lane, %(floor_at)s::timestamptz AS floor_at,
           least(%(room)s, greatest(0, cap.max_running - CASE
                WHEN cap.created_at > rowlock.clock() - fleet.longest_lease
                THEN (SELECT count(*) FROM rowlock.tasks_live AS busy
                       WHERE busy.queue = cap.queue AND busy.priority IN (0, 1, 2, 3) AND busy.lane = cap.lane
                         AND busy.status = 'running'
                         AND greatest(busy.visible_at, busy.lease_expires_at) > rowlock.clock())
                WHEN fleet.has_older
                THEN (SELECT count(*) FROM rowlock.tasks_live AS busy
                       WHERE busy.queue = cap.queue AND busy.priority IN (0, 1, 2, 3) AND busy.lane = cap.lane
                         AND busy.visible_at > rowlock.clock() AND busy.status = 'running')
                ELSE (SELECT count(*) FROM rowlock.tasks_live AS busy
                       WHERE busy.queue = cap.queue AND busy.lane = cap.lane AND busy.lease_moved
                         AND busy.status = 'running' AND busy.visible_at > rowlock.clock())
                END)) AS quota
      FROM rowlock.limits AS cap
     CROSS JOIN (
            SELECT greatest(max(worker.expires_at - worker.heartbeat_at), make_interval(secs => %(lease_seconds)s))
                       AS longest_lease,
                   coalesce(bool_or(NOT worker.claims_in_place), false) AS has_older
              FROM rowlock.workers AS worker WHERE worker.stopped_at IS NULL) AS fleet
     WHERE cap.queue = %(queue)s AND cap.lane = %(lane)s
       AND NOT EXISTS (
            SELECT FROM rowlock.queues AS held
             WHERE held.name = cap.queue AND held.tenant_id IN (split_part(cap.lane, '/', 1), '*')
               AND held.paused_at IS NOT NULL)
), picked AS MATERIALIZED (
    SELECT ready.*
      FROM lanes
     CROSS JOIN LATERAL (
            SELECT task.ctid AS place, task.status, task.id, task.lease_token, task.started_at, task.worker_id,
                   task.wait_seconds, task.attempt, task.tenant_id, task.queue, task.name
              FROM rowlock.tasks_live AS task
             WHERE task.queue = lanes.queue AND task.priority = lanes.priority AND task.lane = lanes.lane
               AND task.visible_at >= lanes.floor_at AND task.visible_at <= rowlock.clock()
               AND (task.status = 'pending' OR task.lease_expires_at IS NULL OR task.lease_expires_at <= rowlock.clock())
               AND task.attempt < task.max_attempts
               AND (task.deadline_at IS NULL OR task.deadline_at > rowlock.clock())
             ORDER BY task.visible_at
             LIMIT lanes.quota
               FOR UPDATE SKIP LOCKED) AS ready
     LIMIT %(room)s
), expired AS (
    INSERT INTO rowlock.executions (
        task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome, wait_seconds, run_seconds,
        attempt, tenant_id, queue, name, reason)
    SELECT picked.id, picked.started_at, rowlock.clock(), picked.lease_token, rowlock.execution_day(),
           picked.worker_id, 'lease_expired', picked.wait_seconds,
           date_part('epoch', rowlock.clock() - picked.started_at), picked.attempt, picked.tenant_id, picked.queue,
           picked.name, 'lease_expired'
      FROM picked
     WHERE picked.status = 'running' AND (SELECT true FROM rowlock.tasks_live AS seen WHERE seen.ctid = picked.place)
)
UPDATE rowlock.tasks_live AS task
   SET status = 'running',
       attempt = task.attempt + 1,
       lease_token = nextval('rowlock.lease_tokens'),
       worker_id = %(worker_id)s,
       started_at = rowlock.clock(),
       lost_lease = task.status = 'running' OR task.lost_lease,
       wait_seconds = date_part('epoch', rowlock.clock() - CASE
           WHEN task.status = 'running' THEN greatest(task.visible_at, task.lease_expires_at)
           ELSE task.visible_at END),
       lease_expires_at = rowlock.clock() + make_interval(secs => %(lease_seconds)s),
       lease_moved = true,
       visible_at = rowlock.clock() + make_interval(secs => %(lease_seconds)s)
 WHERE task.ctid = ANY (ARRAY(SELECT picked.place FROM picked))
RETURNING task.id, task.lease_token, task.tenant_id, task.queue, task.priority, task.lane, task.name, task.attempt,
          task.max_attempts, task.timeout_seconds, task.payload::text, task.payload_version, task.metadata::text,
          task.wait_seconds, date_part('epoch', task.started_at) AS claimed_epoch,
          task.cancel_requested_at IS NOT NULL AS cancel_requested, task.parent_id, task.workflow_id,
          date_part('epoch', task.deadline_at - task.started_at) AS deadline_seconds,
          coalesce(task.lost_lease, false) AS lost_lease
