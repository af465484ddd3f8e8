-- What this role may do beyond its own sessions; roles that a version lacks are null.
SELECT
  current_setting('server_version') AS version,
  current_setting('server_version_num')::int AS number,
  quote_ident(current_user) AS login,
  current_setting('is_superuser') = 'on' AS superuser,
  pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all,
  pg_has_role('pg_signal_backend', 'USAGE') AS signals,
  (SELECT pg_has_role(oid, 'USAGE') FROM pg_roles WHERE rolname = 'pg_use_reserved_connections')
    AS may_reserve,
  current_setting('reserved_connections', true)::int AS reserved,
  clock_timestamp() AS clock
