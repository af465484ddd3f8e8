-- The whole statement of one session (up to track_activity_query_size).
SELECT query FROM pg_stat_activity WHERE pid = $1 AND backend_start IS NOT DISTINCT FROM $2
