-- Renews the leases of running attempts, and tells which were asked to stop, which are lost, and which have lapsed in a lane
-- with a concurrency cap: its place may be another's by now, so those are for renew_capped.sql.
-- Index: tasks_live's primary key. Locks: the renewed rows, skipping those being finished this moment (which keeps
-- renewals and finishes of one worker from waiting for each other crosswise). Fence: lease_token beside the id.
WITH held AS (
    SELECT asked.id, asked.lease_token
      FROM unnest(%(ids)s::uuid[], %(lease_tokens)s::bigint[]) AS asked (id, lease_token)
), present AS MATERIALIZED (
    SELECT task.ctid AS place, task.lease_token,
           greatest(task.visible_at, task.lease_expires_at) <= rowlock.clock() AND EXISTS (
               SELECT FROM rowlock.limits AS cap WHERE cap.queue = task.queue AND cap.lane = task.lane) AS lapsed
      FROM rowlock.tasks_live AS task
     WHERE task.id = ANY (%(ids)s::uuid[])
       AND (task.lease_token IN (SELECT unnest(%(lease_tokens)s::bigint[]))) IS TRUE
       FOR UPDATE SKIP LOCKED
), renewed AS (
    UPDATE rowlock.tasks_live AS task
       SET visible_at = rowlock.clock() + make_interval(secs => %(lease_seconds)s),
           lease_expires_at = rowlock.clock() + make_interval(secs => %(lease_seconds)s),
           lease_moved = true
     WHERE task.ctid = ANY (ARRAY(SELECT present.place FROM present WHERE NOT present.lapsed))
    RETURNING task.lease_token, task.cancel_requested_at IS NOT NULL AS cancel_requested
)
SELECT renewed.lease_token, renewed.cancel_requested, 'renewed' AS became FROM renewed
UNION ALL
SELECT present.lease_token, false, 'lapsed' FROM present WHERE present.lapsed
UNION ALL
SELECT held.lease_token, false, 'lost' FROM held
 WHERE NOT EXISTS (
        SELECT FROM rowlock.tasks_live AS task
         WHERE task.id = held.id AND task.lease_token = held.lease_token)
