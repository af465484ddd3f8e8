-- Workers claim again, if the queue is still paused by the very pause that was seen. ARGV 4: since,
-- 5: the mark by which whoever asks again is known for a day, or ''. Answers 'done', since when it was
-- paused, by whom, why, and the mark of the pause.
local since = redis.call('GET', K .. 'paused') or ''
local resumed = K .. 'resumed'
if ARGV[5] ~= '' and redis.call('HGET', resumed, 'mark') == ARGV[5] then
  return {'done', ARGV[4], unpack(redis.call('HMGET', resumed, 'by', 'why', 'pause'))}
end
if since ~= ARGV[4] or since == '' then return {'moved', since} end
local by, why, pause = unpack(redis.call('HMGET', K .. 'paused_by', 'by', 'why', 'mark'))
redis.call('DEL', K .. 'paused', K .. 'paused_by', resumed)
if ARGV[5] ~= '' then
  redis.call('HSET', resumed, 'mark', ARGV[5], 'by', by or '', 'why', why or '', 'pause', pause or '')
  redis.call('PEXPIRE', resumed, 86400000)
end
wake()
return {'done', since, by or '', why or '', pause or ''}
