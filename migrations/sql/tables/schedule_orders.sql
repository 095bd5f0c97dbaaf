-- What SQL asks of schedules that only their rules can answer: SQL cannot read a rule, so the leading scheduler carries it
-- out, in the words of the other entrances.
CREATE TABLE rowlock.schedule_orders (
    id          uuid             NOT NULL DEFAULT rowlock.new_id() PRIMARY KEY,
    number      bigint           NOT NULL GENERATED ALWAYS AS IDENTITY,
    tenant_id   text COLLATE "C" NOT NULL DEFAULT 'default',
    schedule    text COLLATE "C" NOT NULL,
    action      text             NOT NULL CHECK (action IN ('create', 'change', 'backfill')),
    arguments   jsonb            NOT NULL CHECK (jsonb_typeof(arguments) = 'object'),
    actor       text             NOT NULL,
    request_id  text,
    ordered_at  timestamptz      NOT NULL DEFAULT rowlock.clock(),
    settled_at  timestamptz,
    outcome     text CHECK (outcome IN ('done', 'refused')),
    field       text,
    explanation text,
    CHECK ((settled_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX schedule_orders_open ON rowlock.schedule_orders (number) WHERE settled_at IS NULL;
CREATE INDEX schedule_orders_settled ON rowlock.schedule_orders (settled_at) WHERE settled_at IS NOT NULL;

COMMENT ON TABLE rowlock.schedule_orders IS
    'What SQL has asked of schedules, and what became of it: the leading scheduler carries orders out in their order.';
COMMENT ON COLUMN rowlock.schedule_orders.id IS 'What create_schedule, change_schedule and backfill_schedule return.';
COMMENT ON COLUMN rowlock.schedule_orders.number IS 'In the order of which orders are carried out.';
COMMENT ON COLUMN rowlock.schedule_orders.tenant_id IS 'Tenant of the schedule.';
COMMENT ON COLUMN rowlock.schedule_orders.schedule IS 'Name of the schedule.';
COMMENT ON COLUMN rowlock.schedule_orders.action IS 'create, change or backfill.';
COMMENT ON COLUMN rowlock.schedule_orders.arguments IS 'What was asked for, in the names of the REST API.';
COMMENT ON COLUMN rowlock.schedule_orders.actor IS 'Who asked.';
COMMENT ON COLUMN rowlock.schedule_orders.request_id IS 'Request that it was asked with, for the audit log.';
COMMENT ON COLUMN rowlock.schedule_orders.ordered_at IS 'When it was asked for.';
COMMENT ON COLUMN rowlock.schedule_orders.settled_at IS 'When the leader settled it; null while it waits.';
COMMENT ON COLUMN rowlock.schedule_orders.outcome IS 'done or refused; null while it waits.';
COMMENT ON COLUMN rowlock.schedule_orders.field IS 'Argument for which it was refused.';
COMMENT ON COLUMN rowlock.schedule_orders.explanation IS 'What was done, or why nothing was.';
