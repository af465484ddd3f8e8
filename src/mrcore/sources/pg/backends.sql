-- What some backends do now. Pids as text: a client asks the catalogue before its first array.
SELECT pid, backend_start, state, xact_start, query_start, state_change
FROM pg_stat_activity WHERE pid = ANY (string_to_array($1, ' ')::int[])
