-- A role that may look at everything but the keys, and change nothing. Roles are the cluster's: where this one cannot be made, a notice says so.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rowlock_operator') THEN
        CREATE ROLE rowlock_operator NOLOGIN;
    END IF;
    GRANT USAGE ON SCHEMA "@schema@" TO rowlock_operator;
    GRANT SELECT ON ALL TABLES IN SCHEMA "@schema@" TO rowlock_operator;
    REVOKE SELECT ON rowlock.api_keys FROM rowlock_operator;
    GRANT SELECT (id, tenant_id, name, scopes, created_at, created_by, expires_at, revoked_at, last_used_at)
        ON rowlock.api_keys TO rowlock_operator;
    ALTER DEFAULT PRIVILEGES IN SCHEMA "@schema@" GRANT SELECT ON TABLES TO rowlock_operator;
EXCEPTION
    WHEN insufficient_privilege OR unique_violation OR duplicate_object THEN
        RAISE NOTICE 'The role rowlock_operator could not be made or granted (%). A role with CREATEROLE may run this statement later.', SQLERRM;
END $$;
