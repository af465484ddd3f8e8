-- A job has ended. ARGV 4: worker, 5: message, 6: attempt, 7: its JSON, 8: state, 9: how many to
-- keep ('' is all); then fields of the job. 'lost': it had been taken from this worker meanwhile.
-- Where its id was enqueued again and is quarantined, it stays so.
local worker, message, n, json, state = ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8]
if not release(worker, message, n) then
  if redis.call('EXISTS', JOB) == 1 then attempt(n, json) end
  return 'lost'
end
attempt(n, json)
if n > 1 then redis.call('HDEL', JOB, 'deaths') end
if quarantined() then
  set(10)
else
  if n > 1 then redis.call('HDEL', JOB, 'error', 'message') end
  place(state, now, 'finished_at', later(redis.call('HGET', JOB, 'started_at')), unpack(ARGV, 10))
end
local of = ended(state, count(state), n, json)
local outcome, began, schedule = of[2], of[5], of[6]
if schedule and redis.call('EXISTS', schedule) == 1 then
  if outcome == 'succeeded' then redis.call('HSET', schedule, 'last_succeeded_at', now) end
  remember(schedule, 'runs', (began or '') .. ':' .. later(began) .. ':' .. (outcome or ''))
end
trim(state, ARGV[9])
return 'done'
