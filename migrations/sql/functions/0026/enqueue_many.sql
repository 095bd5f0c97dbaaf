-- What enqueue_many did before. Clients that make the ids call it themselves, for no task can have finished under these.
CREATE FUNCTION rowlock.store_requests(tasks jsonb, tenant_id text)
RETURNS TABLE ("position" integer, id uuid, created boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    bad     record;
    request rowlock.task_request;
    keyed   record;
    news    text[];
BEGIN
    IF jsonb_typeof(tasks) IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION 'Tasks must be a JSON array of objects.' USING ERRCODE = 'RL003';
    END IF;
    SELECT element.ordinality, jsonb_typeof(element.value) AS kind INTO bad
      FROM jsonb_array_elements(tasks) WITH ORDINALITY AS element WHERE jsonb_typeof(element.value) <> 'object' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Task % of the batch must be a JSON object, not %.', bad.ordinality, bad.kind USING ERRCODE = 'RL003';
    END IF;
    SELECT asked.position, asked.problem INTO bad
      FROM rowlock.read_task_requests(tasks, store_requests.tenant_id) AS asked WHERE asked.problem IS NOT NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Task % of the batch cannot be stored: %.', bad.position, bad.problem USING ERRCODE = 'RL003';
    END IF;

    IF jsonb_path_exists(tasks, '$[*] ? (@.idempotency_key != null || @.unique_key != null)') THEN
        FOR request IN SELECT * FROM rowlock.read_task_requests(tasks, store_requests.tenant_id) AS asked LOOP
            SELECT * INTO keyed FROM rowlock.enqueue_keyed(request, store_requests.tenant_id);
            position := request.position;
            id := keyed.id;
            created := keyed.created;
            RETURN NEXT;
            IF keyed.created AND request.visible_at <= rowlock.clock() + interval '1 second'
               AND NOT coalesce(request.queue = ANY (news), false) THEN
                news := news || CASE WHEN jsonb_array_length(tasks) = 1
                                THEN concat_ws(' ', request.queue, request.priority, request.lane)
                                ELSE request.queue END;
            END IF;
        END LOOP;
    ELSE
        RETURN QUERY
        WITH asked AS MATERIALIZED (
            SELECT * FROM rowlock.read_task_requests(tasks, store_requests.tenant_id)
        ), stored AS (
            INSERT INTO rowlock.tasks_live (
                id, tenant_id, queue, name, priority, lane, visible_at, max_attempts, timeout_seconds, payload,
                payload_version, tags, metadata, parent_id, workflow_id, deadline_at)
            SELECT asked.id, store_requests.tenant_id, asked.queue, asked.name, asked.priority, asked.lane, asked.visible_at,
                   asked.max_attempts, asked.timeout_seconds, asked.payload, asked.payload_version, asked.tags,
                   asked.metadata, asked.parent_id, asked.workflow_id, asked.deadline_at
              FROM asked
        )
        SELECT asked.position, asked.id, true FROM asked;
        SELECT array_agg(due.news) INTO news
          FROM (SELECT CASE WHEN min(asked.priority) = max(asked.priority) AND min(asked.lane) = max(asked.lane)
                       THEN concat_ws(' ', asked.queue, min(asked.priority), min(asked.lane))
                       ELSE asked.queue END AS news
                  FROM rowlock.read_task_requests(tasks, store_requests.tenant_id) AS asked
                 WHERE asked.visible_at <= rowlock.clock() + interval '1 second'
                 GROUP BY asked.queue) AS due;
    END IF;
    PERFORM pg_notify(rowlock.wake_channel(), told) FROM unnest(news) AS told;
END $$;
COMMENT ON FUNCTION rowlock.store_requests(jsonb, text) IS
    'Does what enqueue_many does for requests whose ids are new: it asks for no finished task of theirs.';

CREATE OR REPLACE FUNCTION rowlock.enqueue_many(tasks jsonb, tenant_id text DEFAULT 'default')
RETURNS TABLE ("position" integer, id uuid, created boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    answered uuid[] := '{}';
    used uuid;
BEGIN
    IF NOT jsonb_path_exists(tasks, '$[*] ? (@.id != null)') THEN
        RETURN QUERY
        SELECT stored.position, stored.id, stored.created
          FROM rowlock.store_requests(tasks, enqueue_many.tenant_id) AS stored;
        RETURN;
    END IF;

    FOR position, id, created IN
        SELECT stored.position, stored.id, stored.created
          FROM rowlock.store_requests(tasks, enqueue_many.tenant_id) AS stored
    LOOP
        RETURN NEXT;
        IF NOT created THEN
            answered := answered || id;
        END IF;
    END LOOP;
    -- Asked last: a task that was live when the ids were stored has kept them from being so. Not of those by whose tasks the
    -- requests are answered.
    SELECT asked.id INTO used
      FROM (SELECT (request ->> 'id')::uuid AS id FROM jsonb_array_elements(tasks) AS request) AS asked
     CROSS JOIN LATERAL (
            SELECT FROM rowlock.tasks AS task
             WHERE task.id = asked.id AND task.expires_on < '9999-12-31' AND task.id <> ALL (answered)
             LIMIT 1) AS finished
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Task % exists already, and has finished. Give another task an id of its own.', used USING ERRCODE = '23505';
    END IF;
END $$;
COMMENT ON FUNCTION rowlock.enqueue_many(jsonb, text) IS
    'Enqueues the tasks of a JSON array of objects in the caller''s transaction, all or none; returns their ids in order.';
