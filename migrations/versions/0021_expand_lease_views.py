"""The operators' views tell whether a lease lasts by both columns."""

from rowlock.store.migrate import run_file

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("views/leases.sql")


def downgrade() -> None:
    run_file("views/leases_that_move.sql")
