"""What is to be seen of a scene afterwards: for each word, all that the operations could have changed."""

from __future__ import annotations

from typing import Any

from tests.races.scenes import ANOTHER_WORKER, Scene

from rowlock.store.links import Link

Seen = dict[str, Any]

LOOK = """
SELECT coalesce(json_agg(json_build_array(task.id, task.status, task.expires_on < '9999-12-31',
            task.lease_token IS NOT NULL, task.attempt, task.max_attempts, task.priority,
            extract(epoch FROM task.visible_at - rowlock.clock()), task.worker_id = %(another)s, task.reason,
            task.progress, task.result, task.payload, task.cancel_requested_at IS NOT NULL, task.unique_key,
            coalesce(task.alone_token = task.lease_token, false), task.lost_lease)), '[]'),
       (SELECT coalesce(json_agg(json_build_array(ended.task_id, ended.attempt, ended.outcome, ended.lease_token)
                        ORDER BY ended.lease_token), '[]')
          FROM rowlock.executions AS ended WHERE ended.tenant_id = %(tenant)s),
       (SELECT coalesce(json_agg(json_build_array(kept.task_id, kept.name, kept.attempt, kept.result)), '[]')
          FROM rowlock.steps AS kept WHERE kept.tenant_id = %(tenant)s),
       (SELECT worker.stopped_at::text FROM rowlock.workers AS worker WHERE worker.id = %(worker)s),
       (SELECT queue.paused_at::text FROM rowlock.queues AS queue WHERE queue.tenant_id = %(tenant)s),
       (SELECT cap.max_running FROM rowlock.limits AS cap WHERE cap.tenant_id = %(tenant)s),
       (SELECT format('%%s %%s', held.cursor_at, held.paused_at) FROM rowlock.schedules AS held
         WHERE held.tenant_id = %(tenant)s),
       (SELECT json_agg(json_build_array(held.key, held.task_id) ORDER BY held.key)
          FROM rowlock.idempotency_keys AS held WHERE held.tenant_id = %(tenant)s),
       (SELECT json_agg(json_build_array(recorded.outcome, recorded.task_id) ORDER BY recorded.window_at)
          FROM rowlock.schedule_windows AS recorded WHERE recorded.tenant_id = %(tenant)s)
  FROM rowlock.tasks AS task WHERE task.tenant_id = %(tenant)s
"""
FINISHED = ("succeeded", "dead", "cancelled")


async def look(link: Link, scene: Scene) -> Seen:
    """The scene as it is, ids told by their words; fails where what is there may never be."""
    about = {"tenant": scene.tenant, "worker": scene.worker, "another": ANOTHER_WORKER}
    [(tasks, attempts, steps, worker, queue, lane, schedule, keys, windows)] = await link.query(LOOK, about)
    seen: Seen = {"worker": worker, "queue": queue, "lane": lane, "schedule": schedule}
    seen["key"], seen["window"] = _named(scene, keys), _named(scene, windows)
    for task_id, status, filed, leased, attempt, most, *rest in tasks:
        word = scene.word(task_id)
        assert word not in seen, f"{word} is there twice"
        assert filed == (status in FINISHED), f"{word} is {status} and lies among the wrong ones"
        assert filed or leased == (status == "running"), f"{word} is {status}, and its lease is wrong"
        assert 0 <= attempt <= most, f"{word} has spent {attempt} of {most} attempts"
        seen[word] = [status, attempt, *rest]
    ended = [token for *_, token in attempts]
    assert len(ended) == len(set(ended)), f"an attempt ended twice: {attempts}"
    for task_id, attempt, outcome, _ in attempts:
        seen[scene.word(task_id)].append((attempt, outcome))
    for task_id, *kept in steps:
        seen[scene.word(task_id)].append(kept)
    return seen


def _named(scene: Scene, rows: list[Any] | None) -> list[Any] | None:
    """Rows that name a task, by its word."""
    return rows and [(name, task_id and scene.word(task_id)) for name, task_id in rows]
