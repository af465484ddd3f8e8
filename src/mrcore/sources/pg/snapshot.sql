-- Every backend, who blocks it, and since when it waits.
-- pg_blocking_pids() stops the lock manager for a moment: only for those that wait for a lock.
-- As text, because a client asks the catalogue before it reads its first array.
-- pg_locks is read only when somebody waits; its waitstart exists since 14.
WITH activity AS MATERIALIZED (
  SELECT pid, backend_type, datname, usesysid, usename, application_name, client_addr, client_port,
         state, wait_event_type, wait_event, backend_start, xact_start, query_start, state_change,
         backend_xid IS NOT NULL AS wrote, left(query, 2000) AS query
  FROM pg_stat_activity
), waiting AS (
  SELECT l.pid, min((to_jsonb(l) ->> 'waitstart')::timestamptz) AS waitstart
  FROM pg_locks l
  WHERE NOT l.granted AND EXISTS (SELECT FROM activity WHERE wait_event_type = 'Lock')
  GROUP BY l.pid
)
SELECT a.*, w.waitstart,
       CASE WHEN a.wait_event_type = 'Lock'
            THEN array_to_string(pg_blocking_pids(a.pid), ' ') END AS blocked_by
FROM activity a LEFT JOIN waiting w USING (pid)
