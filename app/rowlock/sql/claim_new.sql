-- Takes tasks that have come to a lane, as a notification has told, under new leases, oldest first. claim.sql could do it
-- too: but a server process that has slept takes the longer to begin, the more there is to a plan. What ran out of its
-- lease, and all other lanes, are left to claim.sql, which comes next; a capped lane gives nothing, as there.
-- Index: tasks_live_claim, read in order; the caller turns bitmap and sequential scans off for this statement.
-- Locks: the taken rows, skipping those that others hold. Fence: a fresh lease_token for each row.
UPDATE rowlock.tasks_live AS task
   SET status = 'running',
       attempt = task.attempt + 1,
       lease_token = nextval('rowlock.lease_tokens'),
       worker_id = %(worker_id)s,
       started_at = rowlock.clock(),
       wait_seconds = date_part('epoch', rowlock.clock() - task.visible_at),
       lease_expires_at = rowlock.clock() + make_interval(secs => %(lease_seconds)s),
       lease_moved = CASE WHEN %(in_place)s::boolean AND task.attempt + 1 < task.max_attempts THEN NULL ELSE true END,
       visible_at = CASE WHEN %(in_place)s::boolean AND task.attempt + 1 < task.max_attempts THEN task.visible_at
                         ELSE rowlock.clock() + make_interval(secs => %(lease_seconds)s) END
 WHERE task.ctid = ANY (ARRAY(
        SELECT ready.ctid
          FROM rowlock.tasks_live AS ready
         WHERE ready.queue = %(queue)s AND ready.priority = %(priority)s AND ready.lane = %(lane)s
           AND ready.visible_at >= %(floor_at)s AND ready.visible_at <= rowlock.clock()
           AND ready.status = 'pending' AND ready.attempt < ready.max_attempts
           AND (ready.deadline_at IS NULL OR ready.deadline_at > rowlock.clock())
           AND NOT EXISTS (
                SELECT FROM rowlock.queues AS held
                 WHERE held.name = %(queue)s AND held.tenant_id IN (split_part(%(lane)s, '/', 1), '*')
                   AND held.paused_at IS NOT NULL)
           AND NOT EXISTS (SELECT FROM rowlock.limits AS cap WHERE cap.queue = %(queue)s AND cap.lane = %(lane)s)
         ORDER BY ready.visible_at
         LIMIT %(room)s
           FOR UPDATE SKIP LOCKED))
RETURNING task.id, task.lease_token, task.tenant_id, task.queue, task.priority, task.lane, task.name, task.attempt,
          task.max_attempts, task.timeout_seconds, task.payload::text, task.payload_version, task.metadata::text,
          task.wait_seconds, date_part('epoch', task.started_at) AS claimed_epoch,
          task.cancel_requested_at IS NOT NULL AS cancel_requested, task.parent_id, task.workflow_id,
          date_part('epoch', task.deadline_at - task.started_at) AS deadline_seconds,
          coalesce(task.lost_lease, false) AS lost_lease
