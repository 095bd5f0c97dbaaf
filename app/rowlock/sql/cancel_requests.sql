-- Which of a worker's running attempts were asked to stop.
-- Index: tasks_live_cancelling. Locks: none. Fence: none; a read.
SELECT task.lease_token
  FROM rowlock.tasks_live AS task
 WHERE task.queue = ANY (%(queues)s::text[]) AND task.status = 'running' AND task.worker_id = %(worker_id)s
   AND task.cancel_requested_at IS NOT NULL
