-- A schedule's job that was enqueued by hand is taken away again, if it still waits. ARGV 4: since,
-- 5: message, 6: the end of the list to look from, 7: the schedule's key, 8: when it was enqueued,
-- 9: and when before ('' is never).
local now_is = changed('waiting', '0', ARGV[4])
if now_is then return now_is end
if ARGV[5] == '' or not pull('waiting', ARGV[5], ARGV[6]) then return {'taken', 'waiting', '0'} end
redis.call('UNLINK', JOB)
redis.call('ZREM', K .. 'waiting', id)
count('enqueued', -1)
if redis.call('HGET', ARGV[7], 'last_enqueued_at') == ARGV[8] then
  if ARGV[9] == '' then redis.call('HDEL', ARGV[7], 'last_enqueued_at')
  else redis.call('HSET', ARGV[7], 'last_enqueued_at', ARGV[9]) end
end
return {'done', 'waiting', '0'}
