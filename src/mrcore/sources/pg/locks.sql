-- Locks that one session waits for (first) and holds. Names only of this database's relations:
-- regclass of another database's would be a number.
SELECT l.locktype, l.mode, l.granted,
       CASE WHEN l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            THEN l.relation::regclass::text ELSE l.relation::text END AS relation,
       l.transactionid::text AS transaction,
       (to_jsonb(l) ->> 'waitstart')::timestamptz AS waitstart
FROM pg_locks l
WHERE l.pid = $1 AND l.locktype <> 'virtualxid'
ORDER BY l.granted, l.relation IS NULL, l.locktype, l.mode
LIMIT 101
