-- Takes the place of the function in 0029, and differs from it by the steps of a task whose payload is replaced.
-- Takes one request that has a key: whoever reserves the key first makes the task, the others are told which one it is.
CREATE OR REPLACE FUNCTION rowlock.enqueue_keyed(request rowlock.task_request, tenant_id text, OUT id uuid, OUT created boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    earlier rowlock.idempotency_keys;
    holder  rowlock.tasks_live;
BEGIN
    id := request.id;
    created := true;
    IF request.idempotency_key IS NOT NULL THEN
        INSERT INTO rowlock.idempotency_keys AS held (tenant_id, key, request_hash, said_hash, task_id, expires_at)
        VALUES (enqueue_keyed.tenant_id, request.idempotency_key, request.request_hash, request.said_hash,
                request.id, rowlock.clock() + make_interval(secs => request.idempotency_seconds))
        ON CONFLICT (tenant_id, key) DO UPDATE
            SET request_hash = excluded.request_hash, said_hash = excluded.said_hash, task_id = excluded.task_id,
                created_at = excluded.created_at, expires_at = excluded.expires_at
            WHERE held.expires_at <= rowlock.clock();
        IF NOT FOUND THEN
            SELECT * INTO STRICT earlier FROM rowlock.idempotency_keys AS held
             WHERE held.tenant_id = enqueue_keyed.tenant_id AND held.key = request.idempotency_key;
            -- The same is who says the same, whatever defaults filled in since, or asks for the same, whoever filled it in.
            IF earlier.request_hash <> request.request_hash
               AND (earlier.said_hash = ANY (request.former_hashes || request.said_hash)) IS NOT TRUE THEN
                RAISE EXCEPTION 'Idempotency key % names another request, which made task %. Use a new key for a new request.',
                    quote_literal(request.idempotency_key), earlier.task_id USING ERRCODE = 'RL001';
            END IF;
            id := earlier.task_id;
            created := false;
            RETURN;
        END IF;
    END IF;

    LOOP
        id := request.id;  -- again: a look for the holder that found none has emptied it
        INSERT INTO rowlock.tasks_live (
            id, tenant_id, queue, name, priority, lane, visible_at, max_attempts, timeout_seconds, payload,
            payload_version, tags, metadata, idempotency_key, unique_key, parent_id, workflow_id, deadline_at)
        VALUES (
            request.id, enqueue_keyed.tenant_id, request.queue, request.name, request.priority, request.lane,
            request.visible_at, request.max_attempts, request.timeout_seconds, request.payload,
            request.payload_version, request.tags, request.metadata, request.idempotency_key, request.unique_key,
            request.parent_id, request.workflow_id, request.deadline_at)
        ON CONFLICT (tenant_id, name, unique_key) WHERE unique_key IS NOT NULL DO NOTHING;
        EXIT WHEN FOUND;

        -- Another live task holds the unique key. One whose deadline has passed will never run, and so is no answer.
        PERFORM rowlock.expire_tasks(ARRAY(
            SELECT task.id FROM rowlock.tasks_live AS task
             WHERE task.tenant_id = enqueue_keyed.tenant_id AND task.name = request.name
               AND task.unique_key = request.unique_key AND task.deadline_at <= rowlock.clock()));
        CONTINUE WHEN FOUND;
        -- It may end before it is read: then the insert is tried again.
        id := NULL;
        IF request.on_duplicate = 'replace' THEN
            SELECT * INTO holder FROM rowlock.tasks_live AS task
             WHERE task.tenant_id = enqueue_keyed.tenant_id AND task.name = request.name
               AND task.unique_key = request.unique_key AND task.status IN ('pending', 'blocked')
               FOR UPDATE;
            id := holder.id;
            UPDATE rowlock.tasks_live AS task
               SET payload = request.payload, payload_version = request.payload_version, deadline_at = request.deadline_at
             WHERE task.id = holder.id;
            -- What an attempt has done for another payload is not done for this one.
            IF holder.started_at IS NOT NULL
               AND (holder.payload, holder.payload_version) IS DISTINCT FROM (request.payload, request.payload_version) THEN
                DELETE FROM rowlock.steps AS step WHERE step.task_id = holder.id AND step.tenant_id = holder.tenant_id;
            END IF;
        END IF;
        IF id IS NULL THEN
            SELECT task.id INTO id FROM rowlock.tasks_live AS task
             WHERE task.tenant_id = enqueue_keyed.tenant_id AND task.name = request.name
               AND task.unique_key = request.unique_key;
        END IF;
        IF id IS NOT NULL THEN
            IF request.on_duplicate = 'refuse' THEN
                RAISE EXCEPTION 'Task % already holds the unique key % for %. Wait for it to end, or enqueue with on_duplicate skip or replace.',
                    id, quote_literal(request.unique_key), request.name USING ERRCODE = 'RL002';
            END IF;
            created := false;
            UPDATE rowlock.idempotency_keys AS held SET task_id = enqueue_keyed.id
             WHERE held.tenant_id = enqueue_keyed.tenant_id AND held.key = request.idempotency_key;
            RETURN;
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION rowlock.enqueue_keyed(rowlock.task_request, text) IS
    'Stores one request under its idempotency or unique key; created is false where an earlier task answers it.';
