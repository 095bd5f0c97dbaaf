"""Workers are woken for what falls due within a second, too: they may not look for work again before it is."""

from rowlock.store.migrate import run_file

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("functions/0018/enqueue_many.sql")


def downgrade() -> None:
    run_file("functions/0017/enqueue_many.sql")
