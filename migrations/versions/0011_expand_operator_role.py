"""A read-only role for operators."""

from rowlock.store.migrate import run, run_file

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file("views/operator_role.sql")


def downgrade() -> None:
    run(
        """
    DO $$
    BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rowlock_operator') THEN
            ALTER DEFAULT PRIVILEGES IN SCHEMA "@schema@" REVOKE SELECT ON TABLES FROM rowlock_operator;
            REVOKE ALL ON ALL TABLES IN SCHEMA "@schema@" FROM rowlock_operator;
            REVOKE ALL ON SCHEMA "@schema@" FROM rowlock_operator;
        END IF;
    EXCEPTION
        WHEN insufficient_privilege THEN
            RAISE NOTICE 'What the role rowlock_operator was granted could not be revoked (%).', SQLERRM;
    END $$;
    """
    )
