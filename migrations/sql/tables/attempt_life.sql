-- How long a task may live, which versions its payload and its result have, and whom a crash is laid to.

ALTER TABLE rowlock.tasks
    ADD COLUMN deadline_at    timestamptz,
    ADD COLUMN result_version smallint,
    ADD COLUMN lost_lease     boolean,
    ADD COLUMN alone_token    bigint;

COMMENT ON COLUMN rowlock.tasks.deadline_at IS 'When the task ends as dead (expired) unless it has finished; null for no bound.';
COMMENT ON COLUMN rowlock.tasks.result_version IS 'Version of the result''s shape, as the handler declares it; null without a result.';
COMMENT ON COLUMN rowlock.tasks.lost_lease IS 'Whether the lease of an earlier attempt ran out. If so, the last attempt runs alone in its worker.';
COMMENT ON COLUMN rowlock.tasks.alone_token IS 'Lease token of the attempt that was begun with nothing beside it in its worker: if that lease runs out, the task is to blame.';

ALTER TABLE rowlock.handlers
    ADD COLUMN expires_in_seconds     double precision,
    ADD COLUMN oldest_payload_version smallint NOT NULL DEFAULT 1;

COMMENT ON COLUMN rowlock.handlers.expires_in_seconds IS 'How long its tasks may live where the caller does not say.';
COMMENT ON COLUMN rowlock.handlers.oldest_payload_version IS 'Oldest version of the payload''s shape that it can bring up to its own.';

ALTER TYPE rowlock.task_request ADD ATTRIBUTE deadline_at timestamptz;

-- What is overdue. Only tasks with a deadline are in it, so that those without one cost nothing.
CREATE INDEX tasks_live_deadline ON rowlock.tasks_live (deadline_at) WHERE deadline_at IS NOT NULL;
