"""A leader that renews beside its own writes; no orders under ids that no tenant may have."""

from rowlock.store.migrate import run, run_file

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("CREATE UNIQUE INDEX leaders_epoch ON rowlock.leaders (role, epoch)")
    run_file("functions/0024/schedule_fence.sql")
    run_file("functions/0024/order_of_schedule.sql")


def downgrade() -> None:
    run_file("functions/schedule_orders.sql")
    run_file("functions/schedule_fence.sql")
    run("DROP INDEX rowlock.leaders_epoch")
