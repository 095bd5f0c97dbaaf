CREATE OR REPLACE FUNCTION rowlock.priority_number(priority text) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE lower(priority) WHEN 'critical' THEN 0 WHEN '0' THEN 0 WHEN 'high' THEN 1 WHEN '1' THEN 1
                                WHEN 'normal' THEN 2 WHEN '2' THEN 2 WHEN 'low' THEN 3 WHEN '3' THEN 3 END::smallint
$$;
COMMENT ON FUNCTION rowlock.priority_number(text) IS 'Number of a priority given as a word or a digit; null for anything else.';

-- UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds, then random bits. PostgreSQL has uuidv7() only from 18 on.
CREATE OR REPLACE FUNCTION rowlock.new_id() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6),
            52, 1), 53, 1), 'hex')::uuid
$$;
COMMENT ON FUNCTION rowlock.new_id() IS 'A new UUIDv7.';
