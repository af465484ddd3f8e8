-- Signal one backend, only if it is as it was seen: the check and the signal are one statement.
-- $1 action, $2 pid, $3 backend_start, $4 state, $5 xact_start, $6 query_start, $7 state_change
-- (the last two: null where they need not hold), $8 our other connection's pid.
-- In autocommit the statement reads the backend's status anew, of this pid only. What remains are
-- the microseconds between that and kill(2): PostgreSQL has no signal that is conditional itself.
SELECT CASE $1::text WHEN 'pg.cancel' THEN pg_cancel_backend(a.pid)
                     WHEN 'pg.terminate' THEN pg_terminate_backend(a.pid) END AS sent
FROM pg_stat_get_activity($2::int) a
WHERE a.backend_start = $3::timestamptz AND a.state = $4::text
  AND a.xact_start IS NOT DISTINCT FROM $5::timestamptz
  AND ($6::timestamptz IS NULL OR a.query_start = $6::timestamptz)
  AND ($7::timestamptz IS NULL OR a.state_change = $7::timestamptz)
  AND a.backend_type = 'client backend'
  AND a.pid <> pg_backend_pid() AND a.pid <> $8::int
