-- A claimed message becomes an active job. ARGV 4: worker, 5: message; then fields of a job that
-- nobody has written down yet. Answers what happened, the job's attempt and its beginning; 'aside':
-- the job is quarantined, and so is this message of it.
local worker, message = ARGV[4], ARGV[5]
local hands = K .. 'active:' .. worker
if not redis.call('LPOS', hands, message) then return {'lost'} end
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
  if #ARGV < 6 then return {'unknown'} end
  set(6)
  known = redis.call('HMGET', JOB, 'task', 'max_attempts', 'retries', 'retry_delay')
end
place('active', now, 'started_at', now, 'worker', worker)
redis.call('HDEL', JOB, 'finished_at', 'outcome', 'due_at', 'progress')
local n = redis.call('HINCRBY', JOB, 'attempts', 1)
mark(worker, message, n)
return {'started', n, known[2], known[3], known[4], now}
