-- Limits, cumulative counters and what this role may see and signal: one row, always short.
-- reserved_connections exists since 16; the counters of pg_stat_database are since its reset.
-- `own_roles` only where this role may not signal others' sessions; as text, see snapshot.sql.
SELECT
  current_setting('server_version') AS version,
  current_database() AS database,
  pg_postmaster_start_time() AS started_at,
  pg_is_in_recovery() AS in_recovery,
  current_setting('max_connections')::int AS max_connections,
  coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
  current_setting('superuser_reserved_connections')::int AS superuser_reserved,
  pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all,
  quote_ident(current_user) AS login,
  current_setting('is_superuser') = 'on' AS superuser,
  pg_has_role('pg_signal_backend', 'USAGE') AS signals,
  (SELECT string_agg(oid::text, ' ') FROM pg_roles WHERE rolsuper) AS superusers,
  CASE WHEN NOT pg_has_role('pg_signal_backend', 'USAGE') THEN
    (SELECT string_agg(oid::text, ' ') FROM pg_roles WHERE pg_has_role(oid, 'USAGE'))
  END AS own_roles,
  clock_timestamp() AS now,
  sum(xact_commit + xact_rollback)::bigint AS transactions,
  sum(blks_hit)::bigint AS hits,
  sum(blks_read)::bigint AS reads
FROM pg_stat_database
