-- What was done to one thing, latest first.
-- Index: audit_log_subject of each month. Locks: none. Fence: none; a read.
SELECT entry.at, entry.actor, entry.action, entry.subject_kind, entry.subject_id, entry.detail, entry.request_id
  FROM rowlock.audit_log AS entry
 WHERE entry.tenant_id = %(tenant_id)s AND entry.subject_kind = %(subject_kind)s AND entry.subject_id = %(subject_id)s
 ORDER BY entry.at DESC
 LIMIT %(limit)s
