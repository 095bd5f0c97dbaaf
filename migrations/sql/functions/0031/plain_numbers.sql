-- Of a number jsonb keeps the zeros that end its fraction. Outside texts, which are taken whole, nothing but a number has
-- a point, and what ends it is a comma or a bracket.
CREATE FUNCTION rowlock.plain_numbers(value jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN value::text ~ '[.][0-9]*0[],}]'
           THEN regexp_replace(value::text, '("(?:[^"\\]|\\.)*")|([.][0-9]*[1-9])0+([],}])|[.]0+([],}])', '\1\2\3\4', 'g')::jsonb
           ELSE value END;
COMMENT ON FUNCTION rowlock.plain_numbers(jsonb) IS
    'The same object or array with every number as it is written without zeros at the end of its fraction: 1.50 as 1.5, 1.0 as 1.';
