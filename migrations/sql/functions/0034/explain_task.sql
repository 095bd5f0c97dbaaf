-- Nothing is silent: why a task is where it is, most telling reason first.
CREATE OR REPLACE FUNCTION rowlock.explain_task(task_id uuid, tenant_id text DEFAULT 'default')
RETURNS TABLE (code text, explanation text, advice text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    task  rowlock.tasks;
    moment timestamptz := rowlock.clock();
    held_until timestamptz;
    ahead bigint;
    cap   integer;
    busy  bigint;
    known rowlock.handlers;
    bound text := '';
BEGIN
    SELECT * INTO task FROM rowlock.tasks AS held
     WHERE held.id = explain_task.task_id AND held.tenant_id = explain_task.tenant_id
     ORDER BY held.finished_at DESC NULLS FIRST LIMIT 1;  -- where the id was used again, the latest
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no task %.', explain_task.task_id USING ERRCODE = 'RL404';
    END IF;

    held_until := greatest(task.visible_at, task.lease_expires_at);
    IF task.status IN ('succeeded', 'dead', 'cancelled') THEN
        RETURN QUERY SELECT task.status::text,
            format('The task ended as %s at %s after %s%s.', task.status, task.finished_at,
                   task.attempt || CASE task.attempt WHEN 1 THEN ' attempt' ELSE ' attempts' END,
                   coalesce(': ' || task.reason || coalesce(', ' || rtrim(task.error, '.'), ''), '')),
            CASE WHEN task.status = 'dead' AND task.reason = 'expired' THEN 'If it is still wanted, redrive it: it then has no deadline.'
                 WHEN task.status = 'dead' THEN 'Mend the cause, then redrive it.' ELSE '' END;
        RETURN;
    END IF;
    IF task.deadline_at <= moment AND (task.status <> 'running' OR held_until <= moment) THEN
        RETURN QUERY SELECT 'expired', format('Its deadline passed at %s, so no worker begins it any more.', task.deadline_at),
            'The scheduler ends it as dead. If it is still wanted, redrive it then.';
        RETURN;
    END IF;
    IF task.deadline_at IS NOT NULL THEN
        bound := format(' It has to finish by %s.', task.deadline_at);
    END IF;
    IF task.status = 'running' AND held_until > moment THEN
        RETURN QUERY SELECT 'running', format('Worker %s runs attempt %s since %s; its lease lasts until %s.',
            task.worker_id, task.attempt, task.started_at, held_until) || bound, '';
        IF task.cancel_requested_at IS NOT NULL THEN
            RETURN QUERY SELECT 'cancel_requested', format('Its worker was asked to stop it at %s.', task.cancel_requested_at), '';
        END IF;
        IF task.lost_lease AND task.attempt = task.max_attempts AND task.alone_token IS DISTINCT FROM task.lease_token THEN
            RETURN QUERY SELECT 'waits_to_run_alone', 'An earlier attempt ended with its worker, so this last one begins when nothing else runs there.', '';
        END IF;
        RETURN;
    END IF;
    IF task.status = 'blocked' THEN
        RETURN QUERY SELECT 'blocked', 'The task waits for other tasks to end.' || bound, '';
        RETURN;
    END IF;
    IF task.status = 'running' THEN
        RETURN QUERY SELECT 'lease_expired', format('The lease of attempt %s, held by worker %s, ran out at %s.',
            task.attempt, task.worker_id, held_until) || bound,
            CASE WHEN task.attempt < task.max_attempts THEN 'A claim takes it over within seconds.'
                 WHEN task.max_attempts = 1 OR task.alone_token IS NOT DISTINCT FROM task.lease_token
                 THEN 'It was the last attempt: the scheduler ends the task as dead within seconds, if one runs.'
                 ELSE 'It was the last attempt: the scheduler gives it back within seconds, if one runs, to be begun once more, alone.' END;
        IF task.attempt >= task.max_attempts THEN
            RETURN;
        END IF;
    ELSIF task.visible_at > moment AND task.reason = 'unknown_version' THEN
        SELECT * INTO known FROM rowlock.handlers AS handler WHERE handler.name = task.name;
        RETURN QUERY SELECT 'unknown_version',
            format('Its payload has version %s, and the handler %s that workers registered last takes %s. It is looked at again at %s.',
                   task.payload_version, quote_literal(task.name),
                   CASE WHEN known.oldest_payload_version < known.payload_version
                        THEN format('versions %s to %s', known.oldest_payload_version, known.payload_version)
                        ELSE format('version %s only', known.payload_version) END, task.visible_at) || bound,
            CASE WHEN task.payload_version > known.payload_version
                 THEN format('Deploy workers whose handler declares payload_version=%s.', task.payload_version)
                 WHEN task.payload_version < known.oldest_payload_version
                 THEN format('Deploy workers whose handler has an upcast from version %s on.', task.payload_version)
                 ELSE 'Workers that know the version are there; end those that still run older code.' END;
        RETURN;
    ELSIF task.visible_at > moment THEN
        RETURN QUERY SELECT
            CASE WHEN task.reason IN ('snoozed', 'no_handler', 'waits_to_run_alone') THEN task.reason WHEN task.attempt > 0 THEN 'retrying' ELSE 'scheduled' END,
            CASE WHEN task.reason = 'waits_to_run_alone'
                 THEN format('An earlier attempt ended with its worker, so the last one runs alone, and no worker had nothing else to do. It is looked at again at %s.', task.visible_at)
                 WHEN task.reason = 'no_handler'
                 THEN format('The worker that looked at it has no handler %s, so it has begun no attempt. It is looked at again at %s.', quote_literal(task.name), task.visible_at)
                 WHEN task.attempt > 0 AND task.error IS NOT NULL
                 THEN format('Attempt %s of %s ended with %s (%s); the next one starts at %s.', task.attempt, task.max_attempts, task.reason, task.error, task.visible_at)
                 ELSE format('The task starts at %s, in %s.', task.visible_at, date_trunc('second', task.visible_at - moment)) END || bound,
            CASE task.reason WHEN 'no_handler' THEN 'Deploy a worker that has the handler ' || quote_literal(task.name) || '.' ELSE '' END;
        RETURN;
    END IF;

    IF EXISTS (SELECT FROM rowlock.queues AS held WHERE held.name = task.queue AND held.tenant_id IN (task.tenant_id, '*') AND held.paused_at IS NOT NULL) THEN
        RETURN QUERY SELECT 'queue_paused', format('Queue %s is paused since %s by %s.', quote_literal(held.name), held.paused_at, held.paused_by), 'Resume the queue.'
            FROM rowlock.queues AS held WHERE held.name = task.queue AND held.tenant_id IN (task.tenant_id, '*') AND held.paused_at IS NOT NULL LIMIT 1;
    END IF;
    IF NOT EXISTS (SELECT FROM rowlock.workers AS worker WHERE task.queue = ANY (worker.queues) AND worker.stopped_at IS NULL AND worker.expires_at > moment AND NOT worker.draining) THEN
        RETURN QUERY SELECT 'no_worker', format('No live worker takes tasks from queue %s.', quote_literal(task.queue)), format('Start one: rowlock worker MODULE:app --queues %s.', task.queue);
    END IF;
    IF NOT EXISTS (SELECT FROM rowlock.handlers AS handler WHERE handler.name = task.name) THEN
        RETURN QUERY SELECT 'no_handler', format('No worker has registered a handler named %s.', quote_literal(task.name)), 'Deploy a worker that has it, or cancel the task.';
    END IF;
    SELECT held.max_running INTO cap FROM rowlock.limits AS held WHERE held.queue = task.queue AND held.lane = task.lane;
    IF FOUND THEN
        SELECT count(*) INTO busy FROM rowlock.tasks_live AS other
         WHERE other.queue = task.queue AND other.priority IN (0, 1, 2, 3) AND other.lane = task.lane AND other.status = 'running'
           AND greatest(other.visible_at, other.lease_expires_at) > moment;
        IF busy >= cap THEN
            RETURN QUERY SELECT 'lane_capped', format('Lane %s runs %s tasks, and its cap is %s.', quote_literal(task.lane), busy, cap), 'Wait, or raise the cap.';
        END IF;
    END IF;
    SELECT count(*) INTO ahead FROM (
        SELECT FROM rowlock.tasks_live AS other
         WHERE other.queue = task.queue AND other.visible_at <= moment AND other.id <> task.id
           AND (other.lease_expires_at IS NULL OR other.lease_expires_at <= moment)
           AND (other.priority < task.priority
                OR other.priority = task.priority AND other.lane = task.lane AND other.visible_at < task.visible_at)
         LIMIT 10000) AS waiting;
    RETURN QUERY SELECT 'ready', format('The task is ready since %s, with %s tasks ahead of it in its queue and lane.',
        task.visible_at, CASE WHEN ahead = 10000 THEN 'more than 10000' ELSE ahead::text END) || bound,
        CASE WHEN ahead > 0 THEN 'Add workers or concurrency if it waits too long.' ELSE '' END;
END $$;
COMMENT ON FUNCTION rowlock.explain_task(uuid, text) IS 'Why a task runs, waits or ended: reason codes with a sentence and advice.';
