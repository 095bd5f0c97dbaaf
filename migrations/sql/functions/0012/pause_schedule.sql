-- As 0012 made it, for a way back.
CREATE OR REPLACE FUNCTION rowlock.pause_schedule(
    schedule text, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    UPDATE rowlock.schedules AS held
       SET paused_at = rowlock.clock(), paused_by = pause_schedule.actor, updated_at = rowlock.clock()
     WHERE held.tenant_id = pause_schedule.tenant_id AND held.name = pause_schedule.schedule AND held.paused_at IS NULL;
    IF NOT FOUND THEN
        PERFORM FROM rowlock.schedules AS held
          WHERE held.tenant_id = pause_schedule.tenant_id AND held.name = pause_schedule.schedule;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'There is no schedule %.', pause_schedule.schedule USING ERRCODE = 'RL404';
        END IF;
        RETURN false;
    END IF;
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, request_id)
    VALUES (pause_schedule.tenant_id, pause_schedule.actor, 'schedule.pause', 'schedule', pause_schedule.schedule,
            pause_schedule.request_id);
    RETURN true;
END $$;
