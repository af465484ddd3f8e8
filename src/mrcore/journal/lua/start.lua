-- A claimed message becomes an active job. ARGV 4: worker, 5: message, 6: the word of this claim, by
-- which whoever asks again is known; then fields of a job that nobody has written down yet. Answers
-- what happened, the job's attempt and its beginning; 'aside': the job is quarantined, and so is this
-- message of it.
local worker, message = ARGV[4], ARGV[5]
local hands = K .. 'active:' .. worker
if not redis.call('LPOS', hands, message) then return {'lost'} end
if ARGV[6] and redis.call('HGET', JOB, 'claim') == ARGV[6] then
  local f = redis.call('HMGET', JOB, 'attempts', 'max_attempts', 'retries', 'retry_delay', 'started_at')
  return {'started', unpack(f)}
end
if redis.call('EXISTS', K .. 'paused') == 1 then
  redis.call('LREM', hands, 1, message)
  redis.call('RPUSH', LIST, message)
  return {'paused'}
end
if quarantined() then
  redis.call('LREM', hands, 1, message)
  aside(message)
  return {'aside'}
end
local known = redis.call('HMGET', JOB, 'task', 'max_attempts', 'retries', 'retry_delay')
if not known[1] then
  if #ARGV < 7 then return {'unknown'} end
  set(7)
  known = redis.call('HMGET', JOB, 'task', 'max_attempts', 'retries', 'retry_delay')
end
place('active', now, 'started_at', now, 'worker', worker)
if ARGV[6] then redis.call('HSET', JOB, 'claim', ARGV[6]) end
redis.call('HDEL', JOB, 'finished_at', 'outcome', 'due_at', 'progress')
local n = redis.call('HINCRBY', JOB, 'attempts', 1)
mark(worker, message, n)
return {'started', n, known[2], known[3], known[4], now}
