-- Stops a schedule from firing.
-- Index: schedules' primary key. Locks: the schedule's row. Fence: it is not paused; no row means that it was, or is
-- not there.
WITH paused AS (
    UPDATE rowlock.schedules AS schedule
       SET paused_at = rowlock.clock(), paused_by = %(actor)s, updated_at = rowlock.clock()
     WHERE schedule.tenant_id = %(tenant_id)s AND schedule.name = %(name)s AND schedule.paused_at IS NULL
    RETURNING schedule.id, schedule.tenant_id, schedule.name
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, request_id)
    SELECT paused.tenant_id, %(actor)s, 'schedule.pause', 'schedule', paused.name, %(request_id)s FROM paused
)
SELECT paused.id FROM paused
