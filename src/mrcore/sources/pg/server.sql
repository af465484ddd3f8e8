-- Limits, cumulative counters and what this role may see: one row, always short.
-- reserved_connections exists since 16; the counters of pg_stat_database are since its reset.
SELECT
  current_setting('server_version') AS version,
  current_database() AS database,
  pg_postmaster_start_time() AS started_at,
  pg_is_in_recovery() AS in_recovery,
  current_setting('max_connections')::int AS max_connections,
  coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
  current_setting('superuser_reserved_connections')::int AS superuser_reserved,
  pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all,
  clock_timestamp() AS now,
  sum(xact_commit + xact_rollback)::bigint AS transactions,
  sum(blks_hit)::bigint AS hits,
  sum(blks_read)::bigint AS reads
FROM pg_stat_database
