"""${message}."""

from rowlock.store.migrate import run, run_file

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    run_file("…")


def downgrade() -> None:
    run("…")
