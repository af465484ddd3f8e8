-- A delayed job is due at another time, or at once, if it is still as it was seen. ARGV 4: attempts,
-- 5: since, 6: its message, 7: the new one, 8: huey's score of it ('' is into the queue), 9: when it is
-- due (epoch seconds), 10: the mark by which whoever asks again is known, 11: how long in ms that and
-- what it was are kept. Answers 'done' and since when it is there.
local before = K .. 'before:' .. id
if redis.call('HGET', before, 'mark') == ARGV[10] then
  return {'done', 'delayed', ARGV[4], redis.call('HGET', before, 'there')}
end
local now_is = changed('delayed', ARGV[4], ARGV[5])
if now_is then return now_is end
local score = ARGV[6] ~= '' and pull('delayed', ARGV[6])
if not score then return {'taken', 'delayed', ARGV[4]} end
local due = redis.call('HGET', JOB, 'due_at') or ''
local state = ARGV[8] == '' and 'waiting' or 'delayed'
if state == 'waiting' then
  redis.call('LPUSH', LIST, ARGV[7])
  place('waiting', now)
  wake()
else
  redis.call('ZADD', SCHEDULE, ARGV[8], ARGV[7])
  place('delayed', ARGV[9])
  redis.call('HSET', JOB, 'due_at', ARGV[9])
end
local there = redis.call('ZSCORE', K .. state, id)
redis.call('DEL', before)
redis.call('HSET', before, 'mark', ARGV[10], 'message', ARGV[6], 'score', score, 'since', ARGV[5],
  'due', due, 'there', there)
redis.call('PEXPIRE', before, ARGV[11])
return {'done', 'delayed', ARGV[4], there}
