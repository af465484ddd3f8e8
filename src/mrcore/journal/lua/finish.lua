-- A job has ended. ARGV 4: worker, 5: message, 6: attempt, 7: its JSON, 8: state, 9: how many to
-- keep ('' is all); then fields of the job. 'lost': it had been taken from this worker meanwhile.
local worker, message, n, json, state = ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8]
if not release(worker, message) then
  if redis.call('EXISTS', JOB) == 1 then attempt(n, json) end
  return 'lost'
end
attempt(n, json)
redis.call('HDEL', JOB, 'error', 'message')
redis.call('HSET', JOB, 'finished_at', now)
set(10)
place(state, now)
count(state)
local schedule = redis.call('HGET', JOB, 'schedule')
if schedule and redis.call('HGET', JOB, 'outcome') == 'succeeded' then
  redis.call('HSET', schedule, 'last_succeeded_at', now)
end
trim(state, ARGV[9])
return 'done'
