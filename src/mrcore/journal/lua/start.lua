-- A claimed message becomes an active job. ARGV 4: worker, 5: message; then fields of a job that
-- nobody has written down yet. Answers what happened and the job's attempt.
local worker, message = ARGV[4], ARGV[5]
local hands = K .. 'active:' .. worker
if not redis.call('LPOS', hands, message) then return {'lost'} end
if redis.call('EXISTS', K .. 'paused') == 1 then
  redis.call('LREM', hands, 1, message)
  redis.call('RPUSH', LIST, message)
  return {'paused'}
end
if redis.call('HEXISTS', JOB, 'task') == 0 then
  if #ARGV < 6 then return {'unknown'} end
  set(6)
end
place('active', now)
local n = redis.call('HINCRBY', JOB, 'attempts', 1)
redis.call('HSET', JOB, 'started_at', now, 'worker', worker)
redis.call('HDEL', JOB, 'finished_at', 'outcome', 'due_at')
return {'started', n, unpack(redis.call('HMGET', JOB, 'max_attempts', 'retries', 'retry_delay'))}
