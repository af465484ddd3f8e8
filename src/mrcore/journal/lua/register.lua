-- A removed schedule enqueues again, if it is removed as it was seen. ARGV 4: its key, 5: the set of all,
-- 6: its name there, 7: since when it is removed, 8: the mark by which whoever asks again is known for a
-- day, or ''. Answers 'done' and what the removal was: by whom, why, its mark.
local at = ARGV[4]
local again = at .. ':registered'
if ARGV[8] ~= '' and redis.call('HGET', again, 'mark') == ARGV[8] then
  return {'done', ARGV[7], unpack(redis.call('HMGET', again, 'by', 'why', 'removal'))}
end
if redis.call('SISMEMBER', ARGV[5], ARGV[6]) == 0 then return {'gone', ''} end
local since, by, why, removal =
  unpack(redis.call('HMGET', at, 'removed_at', 'removed_by', 'removed_why', 'removed_mark'))
if since ~= ARGV[7] then return {'moved', since or ''} end
redis.call('HDEL', at, 'removed_at', 'removed_by', 'removed_why', 'removed_mark', 'ticks')
redis.call('HSET', at, 'registered_at', now)  -- what it does is observed anew from here on
if ARGV[8] ~= '' then
  redis.call('HSET', again, 'mark', ARGV[8], 'by', by or '', 'why', why or '', 'removal', removal or '')
  redis.call('PEXPIRE', again, 86400000)
end
return {'done', since, by or '', why or '', removal or ''}
