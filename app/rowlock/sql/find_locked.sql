-- Which of these attempts' tasks somebody else's transaction has locked: their outcomes would have to wait.
-- Index: tasks_live's primary key. Locks: the rows that are free, until it ends; it waits for none.
-- Fence: lease_token beside the id; what is not there under its token is not locked.
WITH free AS MATERIALIZED (
    SELECT task.lease_token
      FROM rowlock.tasks_live AS task
     WHERE task.id = ANY (%(ids)s::uuid[]) AND task.lease_token = ANY (%(lease_tokens)s::bigint[])
       FOR UPDATE SKIP LOCKED
)
SELECT task.lease_token
  FROM rowlock.tasks_live AS task
 WHERE task.id = ANY (%(ids)s::uuid[]) AND task.lease_token = ANY (%(lease_tokens)s::bigint[])
   AND NOT EXISTS (SELECT FROM free WHERE free.lease_token = task.lease_token)
