-- Which windows the pause has cost only the rule can tell, and SQL cannot read it. So all that is due for certain is
-- skipped in one row: up to now, or with jitter, up to as long ago as that lasts. What of the rest was due when the
-- pause ended the leader's next tick finds out by resumed_at, and skips it. Where nothing was due, nothing is skipped.
CREATE OR REPLACE FUNCTION rowlock.resume_schedule(
    schedule text, tenant_id text DEFAULT 'default', actor text DEFAULT session_user, request_id text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    seen    rowlock.schedules;
    certain timestamptz;
BEGIN
    SELECT * INTO seen FROM rowlock.schedules AS held
     WHERE held.tenant_id = resume_schedule.tenant_id AND held.name = resume_schedule.schedule FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no schedule %.', resume_schedule.schedule USING ERRCODE = 'RL404';
    END IF;
    IF seen.paused_at IS NULL THEN
        RETURN false;
    END IF;
    certain := CASE WHEN seen.next_at > rowlock.clock() THEN seen.cursor_at
                    ELSE greatest(seen.cursor_at, rowlock.clock() - make_interval(secs => seen.jitter_seconds)) END;
    UPDATE rowlock.schedules AS held
       SET paused_at = NULL, paused_by = NULL, updated_at = rowlock.clock(), resumed_at = rowlock.clock(),
           cursor_at = certain,
           next_at = CASE WHEN held.next_at IS NOT NULL THEN greatest(held.next_at, rowlock.clock()) END
     WHERE held.tenant_id = resume_schedule.tenant_id AND held.name = resume_schedule.schedule;
    IF seen.next_at <= rowlock.clock() AND certain > seen.cursor_at THEN
        INSERT INTO rowlock.schedule_windows AS recorded (
            schedule_id, window_at, tenant_id, outcome, reason, passed_after, epoch)
        VALUES (seen.id, certain, seen.tenant_id, 'skipped', 'paused', seen.cursor_at, 0)
        ON CONFLICT (schedule_id, window_at) DO UPDATE
           SET passed_after = least(recorded.passed_after, excluded.passed_after),
               reason = coalesce(recorded.reason, excluded.reason);
    END IF;
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    VALUES (seen.tenant_id, resume_schedule.actor, 'schedule.resume', 'schedule', seen.name,
            jsonb_build_object('cursor_from', seen.cursor_at, 'cursor_to', certain), resume_schedule.request_id);
    RETURN true;
END $$;
COMMENT ON FUNCTION rowlock.resume_schedule(text, text, text, text) IS
    'Lets a paused schedule fire again from now on; what it missed is skipped. Returns false if it was not paused.';
