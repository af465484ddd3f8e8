-- A schedule goes by the interval that it declares in words, or by its code's again, if it is as it was
-- seen. ARGV 4: its key, 5: the set of all, 6: its name there, 7: the key that counts these changes for
-- schedulers, 8: declared, 9: the interval that it goes by now, 10: the one that it shall go by, 11: what
-- it obeys then ('' is its code), 12: the mark by which whoever asks again is known for a day, or ''.
-- Schedulers read it at their next tick. Answers 'done', or 'moved' and what it goes by now.
local at = ARGV[4]
local again = at .. ':obeys'
if ARGV[12] ~= '' and redis.call('HGET', again, 'mark') == ARGV[12] then return {'done', ARGV[10]} end
if redis.call('SISMEMBER', ARGV[5], ARGV[6]) == 0 then return {'gone', ''} end
local declared, every, removed = unpack(redis.call('HMGET', at, 'declared', 'every_s', 'removed_at'))
if removed then return {'removed', removed} end
if declared ~= ARGV[8] or every ~= ARGV[9] then return {'moved', every or ''} end
redis.call('HSET', at, 'every_s', ARGV[10], 'registered_at', now)
redis.call('HDEL', at, 'obeys', 'ticks')  -- what it does is observed anew from here on
if ARGV[11] ~= '' then redis.call('HSET', at, 'obeys', ARGV[11]) end
redis.call('HINCRBY', ARGV[7], 'revision', 1)
if ARGV[12] ~= '' then
  redis.call('HSET', again, 'mark', ARGV[12])
  redis.call('PEXPIRE', again, 86400000)
else
  redis.call('DEL', again)
end
return {'done', ARGV[10]}
