-- A quarantined job back to the workers, if it is still as it was seen: one that was delayed is due
-- when it was, any other waits, behind those that wait. ARGV 4: attempts, 5: since.
local now_is = changed('quarantined', ARGV[4], ARGV[5])
if now_is then return now_is end
local from, since, score, message =
  unpack(redis.call('HMGET', K .. 'quarantine:' .. id, 'from', 'since', 'score', 'message'))
if from == 'failed' then message = redis.call('HGET', JOB, 'message') end
if not message then return {'no_message', 'quarantined', ARGV[4]} end
unaside('LPUSH')
if from == 'delayed' then
  put(from, message, since, score)
  place(from, since)
else
  redis.call('LPUSH', LIST, message)
  place('waiting', now)
  wake()
end
if from == 'failed' then again(ARGV[4]) end
return {'done', from, ARGV[4]}
