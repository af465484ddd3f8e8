-- A copy is taken away again, if it still waits. ARGV 4: the id of what it is of, 5: since, 6: message,
-- 7: the end of the list to look from.
local now_is = changed('waiting', '0', ARGV[5])
if now_is then return now_is end
if ARGV[6] == '' or not pull('waiting', ARGV[6], ARGV[7]) then return {'taken', 'waiting', '0'} end
redis.call('UNLINK', JOB)
redis.call('ZREM', K .. 'waiting', id)
count('enqueued', -1)
local of = K .. 'job:' .. ARGV[4]
if redis.call('HEXISTS', of, 'copies') == 1 and redis.call('HINCRBY', of, 'copies', -1) <= 0 then
  redis.call('HDEL', of, 'copies')
end
return {'done', 'waiting', '0'}
