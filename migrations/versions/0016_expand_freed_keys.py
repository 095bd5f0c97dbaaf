"""A task whose unique key came free between two looks is told by its id."""

from rowlock.store.migrate import run_file

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("functions/0016/enqueue_keyed.sql")


def downgrade() -> None:
    run_file("functions/0013/enqueue_keyed.sql")
