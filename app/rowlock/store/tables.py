"""The tables as SQLAlchemy knows them, for statements whose shape depends on the request.

The migrations are what makes them; a test holds these descriptions to what the migrations made. The schema is written
as `rowlock` and rendered for the installation's, like every statement.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

Kind = sa.types.TypeEngine[Any]  # Any: of whatever Python type
SCHEMA = "rowlock"
metadata = sa.MetaData(schema=SCHEMA)

TASK_STATUS = pg.ENUM(
    "pending", "blocked", "running", "succeeded", "dead", "cancelled",
    name="task_status", schema=SCHEMA, create_type=False,
)  # fmt: skip
OUTCOME = pg.ENUM(
    "succeeded", "failed", "timed_out", "snoozed", "released", "cancelled", "lease_expired",
    name="execution_outcome", schema=SCHEMA, create_type=False,
)  # fmt: skip


def _required(name: str, kind: Kind, *, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, primary_key=key)


def _optional(name: str, kind: Kind) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


INSTANT = sa.TIMESTAMP(timezone=True)
TEXT = sa.Text()
TEXTS = pg.ARRAY(sa.Text())
JSON = pg.JSONB()
UUID = pg.UUID(as_uuid=True)
SMALL = sa.SmallInteger()
INTEGER = sa.Integer()
BIG = sa.BigInteger()
REAL: Kind = sa.REAL()
BYTES = pg.BYTEA()
DAY = sa.Date()
YES_OR_NO = sa.Boolean()

tasks = sa.Table(
    "tasks",
    metadata,
    _required("id", UUID, key=True),
    _required("visible_at", INSTANT),
    _required("created_at", INSTANT),
    _optional("started_at", INSTANT),
    _optional("finished_at", INSTANT),
    _optional("lease_token", BIG),
    _required("expires_on", DAY, key=True),
    _required("status", TASK_STATUS),
    _optional("worker_id", INTEGER),
    _optional("timeout_seconds", REAL),
    _optional("wait_seconds", REAL),
    _required("priority", SMALL),
    _required("attempt", SMALL),
    _required("max_attempts", SMALL),
    _required("payload_version", SMALL),
    _required("tenant_id", TEXT),
    _required("queue", TEXT),
    _required("lane", TEXT),
    _required("name", TEXT),
    _required("payload", JSON),
    _optional("result", JSON),
    _optional("reason", TEXT),
    _optional("error", TEXT),
    _optional("progress", JSON),
    _optional("tags", TEXTS),
    _optional("metadata", JSON),
    _optional("idempotency_key", TEXT),
    _optional("unique_key", TEXT),
    _optional("parent_id", UUID),
    _optional("workflow_id", UUID),
    _optional("schedule_id", UUID),
    _optional("window_at", INSTANT),
    _optional("cancel_requested_at", INSTANT),
    _optional("deadline_at", INSTANT),
    _optional("result_version", SMALL),
    _optional("lost_lease", YES_OR_NO),
    _optional("alone_token", BIG),
    _optional("lease_expires_at", INSTANT),
    _optional("lease_moved", YES_OR_NO),
)

executions = sa.Table(
    "executions",
    metadata,
    _required("task_id", UUID),
    _required("started_at", INSTANT),
    _required("finished_at", INSTANT),
    _required("lease_token", BIG),
    _required("finished_on", DAY),
    _required("worker_id", INTEGER),
    _required("outcome", OUTCOME),
    _optional("wait_seconds", REAL),
    _required("run_seconds", REAL),
    _required("attempt", SMALL),
    _required("tenant_id", TEXT),
    _required("queue", TEXT),
    _required("name", TEXT),
    _optional("reason", TEXT),
    _optional("error", TEXT),
    _optional("traceback", TEXT),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    _required("tenant_id", TEXT, key=True),
    _required("key", TEXT, key=True),
    _required("request_hash", BYTES),
    _required("task_id", UUID),
    _required("created_at", INSTANT),
    _required("expires_at", INSTANT),
    _optional("said_hash", BYTES),
)

schedules = sa.Table(
    "schedules",
    metadata,
    _required("id", UUID),
    _required("tenant_id", TEXT, key=True),
    _required("name", TEXT, key=True),
    _required("trigger_kind", TEXT),
    _required("expression", TEXT),
    _required("timezone", TEXT),
    _required("anchor_at", INSTANT),
    _required("missed_run_policy", TEXT),
    _required("max_catch_up", INTEGER),
    _required("cursor_at", INSTANT),
    _optional("next_at", INSTANT),
    _optional("paused_at", INSTANT),
    _optional("paused_by", TEXT),
    _required("task_name", TEXT),
    _required("queue", TEXT),
    _required("priority", SMALL),
    _required("payload", JSON),
    _required("max_attempts", SMALL),
    _optional("timeout_seconds", REAL),
    _optional("tags", TEXTS),
    _required("source", TEXT),
    _required("created_at", INSTANT),
    _required("updated_at", INSTANT),
    _optional("starts_at", INSTANT),
    _optional("ends_at", INSTANT),
    _required("jitter_seconds", INTEGER),
    _required("misfire_grace_seconds", INTEGER),
    _optional("catch_up_window_seconds", INTEGER),
    _required("overlap_policy", TEXT),
    _required("allow_seconds", YES_OR_NO),
    _optional("description", TEXT),
    _optional("application", TEXT),
    _optional("resumed_at", INSTANT),
    _required("payload_version", SMALL),
)

schedule_windows = sa.Table(
    "schedule_windows",
    metadata,
    _required("schedule_id", UUID, key=True),
    _required("window_at", INSTANT, key=True),
    _required("tenant_id", TEXT),
    _required("outcome", TEXT),
    _optional("task_id", UUID),
    _optional("reason", TEXT),
    _optional("passed_after", INSTANT),
    _required("epoch", BIG),
    _required("recorded_at", INSTANT),
)

schedule_orders = sa.Table(
    "schedule_orders",
    metadata,
    _required("id", UUID, key=True),
    sa.Column("number", BIG, sa.Identity(always=True), nullable=False),
    _required("tenant_id", TEXT),
    _required("schedule", TEXT),
    _required("action", TEXT),
    _required("arguments", JSON),
    _required("actor", TEXT),
    _optional("request_id", TEXT),
    _required("ordered_at", INSTANT),
    _optional("settled_at", INSTANT),
    _optional("outcome", TEXT),
    _optional("field", TEXT),
    _optional("explanation", TEXT),
)

queues = sa.Table(
    "queues",
    metadata,
    _required("tenant_id", TEXT, key=True),
    _required("name", TEXT, key=True),
    _optional("paused_at", INSTANT),
    _optional("paused_by", TEXT),
    _optional("retention_succeeded_days", INTEGER),
    _optional("retention_cancelled_days", INTEGER),
    _optional("retention_dead_days", INTEGER),
    _optional("description", TEXT),
    _required("created_at", INSTANT),
)

limits = sa.Table(
    "limits",
    metadata,
    _required("tenant_id", TEXT),
    _required("queue", TEXT, key=True),
    _required("lane", TEXT, key=True),
    _required("max_running", INTEGER),
    _required("created_at", INSTANT),
)

workers = sa.Table(
    "workers",
    metadata,
    _required("id", INTEGER, key=True),
    _required("name", TEXT),
    _required("hostname", TEXT),
    _required("pid", INTEGER),
    _required("version", TEXT),
    _required("queues", TEXTS),
    _required("concurrency", INTEGER),
    _required("running", INTEGER),
    _required("health", TEXT),
    _optional("health_reason", TEXT),
    _required("draining", YES_OR_NO),
    _required("started_at", INSTANT),
    _required("heartbeat_at", INSTANT),
    _required("expires_at", INSTANT),
    _optional("stopped_at", INSTANT),
    _required("claims_in_place", YES_OR_NO),
)

handlers = sa.Table(
    "handlers",
    metadata,
    _required("name", TEXT, key=True),
    _required("queue", TEXT),
    _required("priority", SMALL),
    _required("max_attempts", SMALL),
    _optional("timeout_seconds", REAL),
    _required("payload_version", SMALL),
    _optional("payload_schema", JSON),
    _required("executor", TEXT),
    _optional("description", TEXT),
    _required("registered_at", INSTANT),
    _required("seen_at", INSTANT),
    _optional("expires_in_seconds", sa.Double()),
    _required("oldest_payload_version", SMALL),
)

steps = sa.Table(
    "steps",
    metadata,
    _required("task_id", UUID, key=True),
    _required("recorded_at", INSTANT),
    _required("lease_token", BIG),
    _required("filed_on", DAY, key=True),
    _required("run_seconds", REAL),
    _required("occurrence", SMALL, key=True),
    _required("attempt", SMALL),
    _required("tenant_id", TEXT),
    _required("name", TEXT, key=True),
    _required("result", JSON),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    _required("id", TEXT, key=True),
    _required("tenant_id", TEXT),
    _required("name", TEXT),
    _required("key_hash", BYTES),
    _required("scopes", TEXTS),
    _required("created_at", INSTANT),
    _required("created_by", TEXT),
    _optional("expires_at", INSTANT),
    _optional("revoked_at", INSTANT),
    _optional("last_used_at", INSTANT),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    _required("at", INSTANT),
    _required("tenant_id", TEXT),
    _required("actor", TEXT),
    _required("action", TEXT),
    _required("subject_kind", TEXT),
    _required("subject_id", TEXT),
    _optional("detail", JSON),
    _optional("request_id", TEXT),
)

leaders = sa.Table(
    "leaders",
    metadata,
    _required("role", TEXT, key=True),
    _required("holder", TEXT),
    _required("epoch", BIG),
    _required("elected_at", INSTANT),
    _required("renewed_at", INSTANT),
)

partition_horizon = sa.Table(
    "partition_horizon",
    metadata,
    _required("parent", TEXT, key=True),
    _required("last_day", DAY),
)
