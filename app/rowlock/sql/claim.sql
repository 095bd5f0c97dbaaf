-- Takes ready tasks of many lanes under new leases, oldest first in each lane, at most a quota each and room in all. A lease
-- that ran out is taken over here as a new attempt, and the old attempt's end is written down. Capped lanes have a
-- statement of their own, and give nothing here, whatever the caller knows of them.
-- Index: tasks_live_claim, read in order; the caller turns bitmap and sequential scans off for this statement.
-- Locks: the picked rows, skipping those that others hold. Fence: a fresh lease_token for each row.
-- By ctid, because joining the picked rows back by id costs twice as much. A row that was written to between this
-- statement's snapshot and its lock has moved to where the snapshot does not see it: the next claim takes it, and the end
-- of its attempt is left for that one to write down.
-- date_part, because extract makes a numeric first, and its way to a float costs a microsecond a task.
WITH lanes AS (
    SELECT asked.queue, asked.priority, asked.lane, asked.floor_at, asked.quota
      FROM unnest(%(queues)s::text[], %(priorities)s::smallint[], %(lanes)s::text[], %(floors)s::timestamptz[],
                  %(quotas)s::integer[]) AS asked (queue, priority, lane, floor_at, quota)
     WHERE NOT EXISTS (
            SELECT FROM rowlock.queues AS held
             WHERE held.name = asked.queue AND held.tenant_id IN (split_part(asked.lane, '/', 1), '*')
               AND held.paused_at IS NOT NULL)
       AND NOT EXISTS (SELECT FROM rowlock.limits AS cap WHERE cap.queue = asked.queue AND cap.lane = asked.lane)
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
       lease_moved = CASE WHEN %(in_place)s::boolean AND task.attempt + 1 < task.max_attempts THEN NULL ELSE true END,
       visible_at = CASE WHEN %(in_place)s::boolean AND task.attempt + 1 < task.max_attempts THEN task.visible_at
                         ELSE rowlock.clock() + make_interval(secs => %(lease_seconds)s) END
 WHERE task.ctid = ANY (ARRAY(SELECT picked.place FROM picked))
RETURNING task.id, task.lease_token, task.tenant_id, task.queue, task.priority, task.lane, task.name, task.attempt,
          task.max_attempts, task.timeout_seconds, task.payload::text, task.payload_version, task.metadata::text,
          task.wait_seconds, date_part('epoch', task.started_at) AS claimed_epoch,
          task.cancel_requested_at IS NOT NULL AS cancel_requested, task.parent_id, task.workflow_id,
          date_part('epoch', task.deadline_at - task.started_at) AS deadline_seconds,
          coalesce(task.lost_lease, false) AS lost_lease
