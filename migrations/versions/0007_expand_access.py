"""API keys and the audit log."""

from rowlock.store.migrate import run, run_file

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("tables/access.sql")


def downgrade() -> None:
    run(
        """
    DROP TABLE rowlock.audit_log;
    DROP TABLE rowlock.api_keys;
    """
    )
