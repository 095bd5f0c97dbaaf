-- Clients that make the ids call it themselves, for no task can have finished under these.
CREATE OR REPLACE FUNCTION rowlock.store_requests(tasks jsonb, tenant_id text)
RETURNS TABLE ("position" integer, id uuid, created boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    bad     record;
    request rowlock.task_request;
    keyed   record;
    news    text[] := '{}';
    told    text;
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
            IF keyed.created AND request.visible_at <= rowlock.clock() + interval '1 second' THEN
                told := CASE WHEN cardinality(news) < 8
                        THEN rowlock.news_of(request.queue, request.priority, request.lane, request.visible_at)
                        ELSE request.queue END;
                IF told <> ALL (news) THEN
                    news := news || told;
                END IF;
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
        SELECT array_agg(DISTINCT due.news) INTO news
          FROM (SELECT CASE WHEN count(*) OVER (PARTITION BY asked.queue) <= 8
                       THEN rowlock.news_of(asked.queue, asked.priority, asked.lane, min(asked.visible_at))
                       ELSE asked.queue END AS news
                  FROM rowlock.read_task_requests(tasks, store_requests.tenant_id) AS asked
                 WHERE asked.visible_at <= rowlock.clock() + interval '1 second'
                 GROUP BY asked.queue, asked.priority, asked.lane) AS due;
    END IF;
    PERFORM pg_notify(rowlock.wake_channel(), due.news) FROM unnest(news) AS due (news);
END $$;
COMMENT ON FUNCTION rowlock.store_requests(jsonb, text) IS
    'Does what enqueue_many does for requests whose ids are new: it asks for no finished task of theirs.';
