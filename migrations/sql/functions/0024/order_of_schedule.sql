CREATE OR REPLACE FUNCTION rowlock.order_of_schedule(
    action text, schedule text, arguments jsonb, known text[], tenant_id text, actor text, request_id text
) RETURNS uuid
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    order_id uuid;
    unknown  text;
BEGIN
    IF order_of_schedule.schedule IS NULL OR coalesce(jsonb_typeof(order_of_schedule.arguments), '') <> 'object' THEN
        RAISE EXCEPTION 'Give the name of a schedule, and what it is to be as a JSON object.' USING ERRCODE = 'RL003';
    END IF;
    IF coalesce(order_of_schedule.tenant_id !~ '^[a-z0-9][a-z0-9_.-]{0,62}$', true) THEN
        RAISE EXCEPTION 'The tenant_id % must be 1 to 63 lower-case letters, digits or _ . -.',
            quote_nullable(order_of_schedule.tenant_id) USING ERRCODE = 'RL003';
    END IF;
    SELECT given.name INTO unknown FROM jsonb_object_keys(order_of_schedule.arguments) AS given (name)
     WHERE given.name <> ALL (order_of_schedule.known) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'The field % of a schedule is unknown: use %.', unknown,
            array_to_string(order_of_schedule.known, ', ') USING ERRCODE = 'RL003';
    END IF;
    INSERT INTO rowlock.schedule_orders AS placed (tenant_id, schedule, action, arguments, actor, request_id)
    VALUES (order_of_schedule.tenant_id, order_of_schedule.schedule, order_of_schedule.action,
            order_of_schedule.arguments, order_of_schedule.actor, order_of_schedule.request_id)
    RETURNING placed.id INTO order_id;
    RETURN order_id;
END $$;
COMMENT ON FUNCTION rowlock.order_of_schedule(text, text, jsonb, text[], text, text, text) IS
    'Places an order for the leading scheduler; refuses fields that are not known, and ids that no tenant may have.';
