-- Default partitions with rows that should have had a partition of their own.
-- Index: none; it stops at the first row. Locks: none. Fence: none; a read.
SELECT 'audit_log_default' AS partition WHERE EXISTS (SELECT FROM rowlock.audit_log_default)
UNION ALL
SELECT 'schedule_windows_default' WHERE EXISTS (
        SELECT FROM rowlock.schedule_windows_default AS recorded
         WHERE recorded.window_at >= date_trunc('month', rowlock.clock()))  -- older ones a backfill reached back for
