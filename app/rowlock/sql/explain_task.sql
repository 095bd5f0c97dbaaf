-- Why a task is where it is, most telling reason first.
-- Index: primary keys; tasks_live_claim for those ahead of it. Locks: none. Fence: none; a read.
SELECT why.code, why.explanation, why.advice FROM rowlock.explain_task(%(id)s, %(tenant_id)s) AS why
