-- Renews leases that have run out in one lane with a concurrency cap, as far as the cap has room for them: others may have
-- been claimed since. The caller holds lock_lane.sql's lock in this transaction, so the count holds. Tells which are lost.
-- Index: tasks_live's primary key; tasks_live_claim for the count, over the whole lane, for this is rare. Locks: the renewed
-- rows, skipping those being finished this moment. Fence: lease_token beside the id.
WITH room AS MATERIALIZED (
    SELECT greatest(0, cap.max_running - (
                SELECT count(*) FROM rowlock.tasks_live AS busy
                 WHERE busy.queue = cap.queue AND busy.priority IN (0, 1, 2, 3) AND busy.lane = cap.lane
                   AND busy.status = 'running'
                   AND greatest(busy.visible_at, busy.lease_expires_at) > rowlock.clock())) AS tasks
      FROM rowlock.limits AS cap WHERE cap.queue = %(queue)s AND cap.lane = %(lane)s
), held AS MATERIALIZED (
    SELECT task.ctid AS place
      FROM rowlock.tasks_live AS task
     WHERE task.id = ANY (%(ids)s::uuid[])
       AND (task.lease_token IN (SELECT unnest(%(lease_tokens)s::bigint[]))) IS TRUE
     ORDER BY task.started_at
     LIMIT (SELECT room.tasks FROM room)
       FOR UPDATE SKIP LOCKED
), renewed AS (
    UPDATE rowlock.tasks_live AS task
       SET visible_at = rowlock.clock() + make_interval(secs => %(lease_seconds)s),
           lease_expires_at = rowlock.clock() + make_interval(secs => %(lease_seconds)s),
           lease_moved = true
     WHERE task.ctid = ANY (ARRAY(SELECT held.place FROM held))
    RETURNING task.lease_token, task.cancel_requested_at IS NOT NULL AS cancel_requested
)
SELECT renewed.lease_token, renewed.cancel_requested, 'renewed' AS became FROM renewed
UNION ALL
SELECT asked.lease_token, false, 'lost'
  FROM unnest(%(lease_tokens)s::bigint[]) AS asked (lease_token)
 WHERE asked.lease_token NOT IN (SELECT renewed.lease_token FROM renewed)
   AND (SELECT count(*) FROM renewed) >= (SELECT room.tasks FROM room)
