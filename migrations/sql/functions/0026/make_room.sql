-- Moves finished tasks out of the way of live ones that have their ids again and would be filed under their days now: each
-- to the next day without a task of its id, or to the nearest before it where no later one is left. A finished task is the
-- same under any day. An id is one tenant's or another's, and one row a day.
CREATE FUNCTION rowlock.make_room(task_ids uuid[], status rowlock.task_status) RETURNS SETOF uuid
LANGUAGE sql AS $$
    WITH days AS MATERIALIZED (
        SELECT to_date(right(child.relname, 8), 'YYYYMMDD') AS day
          FROM pg_inherits AS link
          JOIN pg_class AS child ON child.oid = link.inhrelid
         WHERE link.inhparent = 'rowlock.tasks'::regclass AND NOT link.inhdetachpending
           AND child.relname ~ '^tasks_[0-9]{8}$'
    ), in_the_way AS MATERIALIZED (
        SELECT older.id, older.expires_on
          FROM rowlock.tasks_live AS task
          JOIN rowlock.tasks AS older
            ON older.id = task.id
           AND older.expires_on = rowlock.expiry_day(task.tenant_id, task.queue, make_room.status)
         WHERE task.id = ANY (make_room.task_ids)
    ), moves AS MATERIALIZED (
        SELECT in_the_way.id, in_the_way.expires_on, free.day
          FROM in_the_way
          CROSS JOIN LATERAL (
                SELECT days.day
                  FROM days
                 WHERE NOT EXISTS (
                        SELECT FROM rowlock.tasks AS other WHERE other.id = in_the_way.id AND other.expires_on = days.day)
                 ORDER BY days.day < in_the_way.expires_on, abs(days.day - in_the_way.expires_on)
                 LIMIT 1) AS free
    )
    UPDATE rowlock.tasks AS older
       SET expires_on = moves.day
      FROM moves
     WHERE older.id = moves.id AND older.expires_on = moves.expires_on
    RETURNING older.id
$$;
COMMENT ON FUNCTION rowlock.make_room(uuid[], rowlock.task_status) IS
    'Moves what is in the way of these live tasks to other days, so that they can end with that status; returns those moved.';
