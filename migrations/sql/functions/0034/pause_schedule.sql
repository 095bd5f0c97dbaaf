-- Takes the place of the function of schedules.sql. A person's pause takes the place of one by a sync, which the next sync
-- would end: what somebody has paused stays paused.
CREATE OR REPLACE FUNCTION rowlock.pause_schedule(
    schedule text, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    seen rowlock.schedules;
BEGIN
    SELECT * INTO seen FROM rowlock.schedules AS held
     WHERE held.tenant_id = pause_schedule.tenant_id AND held.name = pause_schedule.schedule FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no schedule %.', pause_schedule.schedule USING ERRCODE = 'RL404';
    END IF;
    IF seen.paused_at IS NOT NULL AND (seen.paused_by IS DISTINCT FROM 'sync' OR pause_schedule.actor = 'sync') THEN
        RETURN false;
    END IF;
    UPDATE rowlock.schedules AS held
       SET paused_at = coalesce(held.paused_at, rowlock.clock()), paused_by = pause_schedule.actor, updated_at = rowlock.clock()
     WHERE held.tenant_id = pause_schedule.tenant_id AND held.name = pause_schedule.schedule;
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, request_id)
    VALUES (pause_schedule.tenant_id, pause_schedule.actor, 'schedule.pause', 'schedule', pause_schedule.schedule,
            pause_schedule.request_id);
    RETURN seen.paused_at IS NULL;
END $$;
