-- Deletes a schedule. Its windows stay until their retention ends, and tasks that it made go on.
-- Index: schedules' primary key. Locks: the schedule's row. Fence: none; no row means that it is not there.
WITH deleted AS (
    DELETE FROM rowlock.schedules AS schedule
     WHERE schedule.tenant_id = %(tenant_id)s AND schedule.name = %(name)s
    RETURNING schedule.id, schedule.tenant_id, schedule.name, schedule.trigger_kind, schedule.expression, schedule.cursor_at
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    SELECT deleted.tenant_id, %(actor)s, 'schedule.delete', 'schedule', deleted.name,
           jsonb_build_object('id', deleted.id, deleted.trigger_kind, deleted.expression, 'cursor_at', deleted.cursor_at),
           %(request_id)s
      FROM deleted
)
SELECT deleted.id FROM deleted
