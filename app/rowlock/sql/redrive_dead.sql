-- Puts dead letters back to work by the SQL function that every language uses, oldest first.
-- Index: that of each day's dead letters. Locks: their rows.
-- Fence: rows are deleted where they lay, so each is redriven once.
SELECT redriven.id
  FROM rowlock.redrive_dead(queue => %(queue)s, name => %(name)s, tenant_id => %(tenant_id)s, "limit" => %(limit)s,
                            actor => %(actor)s, request_id => %(request_id)s) AS redriven (id)
