-- A schedule enqueues nothing more, if it is as it was seen. ARGV 4: its key, 5: the set of all, 6: its
-- name there, 7: declared, 8: since when it is removed ('' is not), 9: by whom, 10: why, 11: the mark by
-- which whoever asks again is known, or ''; 12: whether to know it ('' where a removal is put back with
-- the mark that it had).
local at, fields = ARGV[4], {'declared', 'removed_at', 'removed_mark'}
if redis.call('SISMEMBER', ARGV[5], ARGV[6]) == 0 then return {'gone', ''} end
local declared, removed, mark = unpack(redis.call('HMGET', at, unpack(fields)))
if ARGV[12] ~= '' and mark == ARGV[11] then return {'done', removed} end
if removed then return {'removed', removed} end
if declared ~= ARGV[7] then return {'moved', declared or ''} end
local since = ARGV[8] ~= '' and ARGV[8] or now
redis.call('HSET', at, 'removed_at', since, 'removed_by', ARGV[9], 'removed_why', ARGV[10])
if ARGV[11] ~= '' then redis.call('HSET', at, 'removed_mark', ARGV[11]) end
redis.call('DEL', at .. ':registered')
return {'done', since}
