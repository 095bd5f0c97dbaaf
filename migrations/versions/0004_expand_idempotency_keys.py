"""Idempotency keys."""

from rowlock.store.migrate import run, run_file

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("tables/idempotency_keys.sql")


def downgrade() -> None:
    run(
        """
    DROP TABLE rowlock.idempotency_keys;
    """
    )
