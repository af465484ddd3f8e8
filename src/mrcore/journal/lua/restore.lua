-- A message out of the hands of a worker that will not finish it, to be taken next. ARGV 4: worker,
-- 5: message, 6: outcome of the attempt, 7: error, 8: deaths after which the job fails ('' is never:
-- the worker lives), 9: how many failed jobs to keep, 10: the attempt, if whoever gives it back knows
-- it; then fields of a job nobody has written down. The id is '' where the message cannot be read.
-- Only a run that has begun is an attempt, and a death. Answers what became of it, and its id.
local worker, message, outcome, why, limit = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local n, began, known = tonumber(ARGV[10]), nil, nil
if n then
  began, known = run(worker, message, n)
else  -- of equal messages first those that have not begun
  n, began, known = newest(worker, message, same(worker, message) - 1)
end
if known then id, JOB = known, K .. 'job:' .. known end
if not release(worker, message, n) then return {'lost', id} end
local died = began and limit ~= ''
local json
if began then
  json = cjson.encode({n = n, worker = worker, outcome = outcome, error = why, trace = '',
    started_at = tonumber(began), ended_at = tonumber(later(began))})
  attempt(n, json)
end
local deaths = died and redis.call('HINCRBY', JOB, 'deaths', 1) or 0
if id ~= '' and quarantined() then
  aside(message)
  return {'aside', id}
end
if died and deaths >= tonumber(limit) then
  redis.call('HSET', JOB, 'message', message, 'finished_at', later(began), 'outcome', outcome,
    'error', why)
  redis.call('HDEL', JOB, 'deaths')
  place('failed', now)
  ended('failed', count('failed'), n, json)
  trim('failed', ARGV[9])
  return {'failed', id}
end
if redis.call('HEXISTS', JOB, 'task') == 0 then set(11) end
if id ~= '' and redis.call('HEXISTS', JOB, 'task') == 1 then place('waiting', now) end
redis.call('RPUSH', LIST, message)
wake()
return {'done', id}
