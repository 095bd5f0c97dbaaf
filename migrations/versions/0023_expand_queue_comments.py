"""What the comments of queues say of strictness, and of rows for all tenants, is what is done."""

from rowlock.store.migrate import run

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TABLE = "TABLE rowlock.queues"
COLUMN = "COLUMN rowlock.queues."
KEPT = "Days that {} tasks are kept ({})"
BEFORE = {
    TABLE: "Settings of queues. A queue works without a row; strict installations enqueue only into queues that have "
    "one.",
    f"{COLUMN}tenant_id": "Tenant, or * for all tenants.",
    f"{COLUMN}retention_succeeded_days": f"{KEPT.format('succeeded', 7)}.",
    f"{COLUMN}retention_cancelled_days": f"{KEPT.format('cancelled', 7)}.",
    f"{COLUMN}retention_dead_days": f"{KEPT.format('dead', 30)}.",
}
AFTER = {
    TABLE: "Settings of queues. A queue works without a row. To strict entrances a queue is declared if it has a row, "
    "of the tenant or of *, a handler names it, or a live worker takes from it.",
    f"{COLUMN}tenant_id": "Tenant, or * for all tenants: a pause under * holds for all, and its description is shown "
    "where the tenant has none. Tasks are kept by the row of their own tenant only.",
    f"{COLUMN}retention_succeeded_days": f"{KEPT.format('succeeded', 7)}; under * it holds for no task.",
    f"{COLUMN}retention_cancelled_days": f"{KEPT.format('cancelled', 7)}; under * it holds for no task.",
    f"{COLUMN}retention_dead_days": f"{KEPT.format('dead', 30)}; under * it holds for no task.",
}


def upgrade() -> None:
    _comment(AFTER)


def downgrade() -> None:
    _comment(BEFORE)


def _comment(texts: dict[str, str]) -> None:
    for thing, text in texts.items():
        run(f"COMMENT ON {thing} IS '{text}'")
