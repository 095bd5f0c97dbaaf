CREATE FUNCTION rowlock.news_of(queue text, priority smallint, lane text, since timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT queue || ' ' || priority || '@' || (extract(epoch FROM since) * 1000000)::bigint || ' ' || lane $$;
COMMENT ON FUNCTION rowlock.news_of(text, smallint, text, timestamptz) IS
    'What workers are told of a lane to which work has come: the queue, the priority and the microsecond since when it is visible, the lane.';

COMMENT ON FUNCTION rowlock.wake_channel() IS
    'Channel on which workers are told that there is work; the payload is a queue, or a lane of it as news_of writes it.';
