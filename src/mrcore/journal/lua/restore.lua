-- A message out of the hands of a worker that will not finish it, to be taken next. ARGV 4: worker,
-- 5: message, 6: outcome of the attempt, 7: error, 8: deaths after which the job fails ('' is never:
-- the worker lives), 9: how many failed jobs to keep; then fields of a job nobody has written down.
local worker, message, outcome, why, limit = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
if not release(worker, message) then return 'lost' end
if id ~= '' and quarantined() then
  aside(message)
  return 'aside'
end
if id ~= '' then
  if redis.call('HEXISTS', JOB, 'task') == 0 then set(10) end
  local state, owner, began = unpack(redis.call('HMGET', JOB, 'state', 'worker', 'started_at'))
  local started = state == 'active' and owner == worker
  local n, json
  if started or limit ~= '' then
    n = started and tonumber(redis.call('HGET', JOB, 'attempts'))
      or redis.call('HINCRBY', JOB, 'attempts', 1)
    json = cjson.encode({n = n, worker = worker, outcome = outcome, error = why, trace = '',
      started_at = started and tonumber(began) or cjson.null, ended_at = tonumber(now)})
    attempt(n, json)
  end
  if limit ~= '' and redis.call('HINCRBY', JOB, 'deaths', 1) >= tonumber(limit) then
    redis.call('HSET', JOB, 'message', message, 'finished_at', now, 'outcome', outcome, 'error', why)
    redis.call('HDEL', JOB, 'deaths')
    place('failed', now)
    ended('failed', count('failed'), n, json)
    trim('failed', ARGV[9])
    return 'failed'
  end
  place('waiting', now)
end
redis.call('RPUSH', LIST, message)
wake()
return 'done'
