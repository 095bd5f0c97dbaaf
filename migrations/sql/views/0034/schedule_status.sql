-- Takes the place of that in 0012, and differs from it by the lag of a paused schedule, which is not late: 0.
CREATE OR REPLACE VIEW rowlock.schedule_status AS
SELECT schedule.tenant_id, schedule.name, schedule.trigger_kind, schedule.expression, schedule.timezone,
       schedule.missed_run_policy, schedule.paused_at IS NOT NULL AS paused, schedule.cursor_at, schedule.next_at,
       CASE WHEN schedule.paused_at IS NULL
            THEN greatest(0, extract(epoch FROM rowlock.clock() - schedule.next_at)) ELSE 0 END AS lag_seconds,
       latest.window_at AS latest_window_at, latest.outcome AS latest_outcome, latest.task_id AS latest_task_id,
       latest.reason AS latest_reason, schedule.description, schedule.overlap_policy, schedule.source,
       schedule.application, live.tasks AS live_tasks
  FROM rowlock.schedules AS schedule
  LEFT JOIN LATERAL (
        SELECT recorded.window_at, recorded.outcome, recorded.task_id, recorded.reason
          FROM rowlock.schedule_windows AS recorded
         WHERE recorded.schedule_id = schedule.id ORDER BY recorded.window_at DESC LIMIT 1) AS latest ON true
 CROSS JOIN LATERAL (
        SELECT count(*) AS tasks FROM rowlock.tasks_live AS task WHERE task.schedule_id = schedule.id) AS live;
