-- Whether an application has active schedules that its code declared, and a deploy might have to pause.
-- Index: schedules' primary key, the tenant's part. Locks: none. Fence: none; it only reads.
SELECT EXISTS (
        SELECT FROM rowlock.schedules AS schedule
         WHERE schedule.tenant_id = %(tenant_id)s AND schedule.application = %(application)s
           AND schedule.paused_at IS NULL) AS owned
