-- The clock, the words for states, and the fence.

CREATE FUNCTION rowlock.clock() RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT now()';
COMMENT ON FUNCTION rowlock.clock() IS
    'The only source of time in every statement. Inlined to now(); tests replace it to move time.';

CREATE FUNCTION rowlock.today() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT (rowlock.clock() AT TIME ZONE ''UTC'')::date';
COMMENT ON FUNCTION rowlock.today() IS 'The current day in UTC, by which partitions are cut.';

CREATE FUNCTION rowlock.wake_channel() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT ''@schema@''::text';
COMMENT ON FUNCTION rowlock.wake_channel() IS 'Channel on which workers are told that a queue has work; the payload is the queue.';

CREATE TYPE rowlock.task_status AS ENUM ('pending', 'blocked', 'running', 'succeeded', 'dead', 'cancelled');
COMMENT ON TYPE rowlock.task_status IS
    'Stored status of a task. Views and the API derive scheduled, ready and retrying from pending and the clock.';

CREATE TYPE rowlock.execution_outcome AS ENUM
    ('succeeded', 'failed', 'timed_out', 'snoozed', 'released', 'cancelled', 'lease_expired');
COMMENT ON TYPE rowlock.execution_outcome IS 'How one attempt ended.';

CREATE SEQUENCE rowlock.lease_tokens AS bigint;
COMMENT ON SEQUENCE rowlock.lease_tokens IS 'Fence of leases: each claimed attempt takes the next value, never given twice.';

CREATE TABLE rowlock.partition_horizon (
    parent   text NOT NULL PRIMARY KEY,
    last_day date NOT NULL
);
COMMENT ON TABLE rowlock.partition_horizon IS
    'Last day for which a daily partition exists. A finish files its rows no later than this, so a missing partition never stops it.';
COMMENT ON COLUMN rowlock.partition_horizon.parent IS 'Partitioned table.';
COMMENT ON COLUMN rowlock.partition_horizon.last_day IS 'Last day that has a partition.';
