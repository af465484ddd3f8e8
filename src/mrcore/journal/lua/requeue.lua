-- A message goes (back) to the queue or, with a due time, to the schedule: huey's own retry, or a
-- job that is for later. ARGV 4: worker ('' if in nobody's hands), 5: its message, 6: attempt ('' if
-- none was made), 7: its JSON, 8: the new message, 9: huey's score of it ('' is now), 10: due (epoch
-- seconds), 11: the hash of the job that enqueues it ('' is none); then fields of the job. 'aside':
-- the job is quarantined, and so is this message of it.
local worker, old, n, new, score = ARGV[4], ARGV[5], ARGV[6], ARGV[8], ARGV[9]
local mine = worker == '' or release(worker, old, tonumber(n))
if n ~= '' and (mine or redis.call('EXISTS', JOB) == 1) then attempt(tonumber(n), ARGV[7]) end
if not mine then return 'lost' end
if n ~= '' then count('retried') end
if quarantined() then
  aside(new)
  return 'aside'
end
set(12)
adopt(ARGV[11])
if score ~= '' then
  redis.call('ZADD', SCHEDULE, score, new)
  place('delayed', ARGV[10])
  redis.call('HSET', JOB, 'due_at', ARGV[10])
else
  redis.call('LPUSH', LIST, new)
  place('waiting', now)
  wake()
end
return 'done'
