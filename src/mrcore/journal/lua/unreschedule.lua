-- A job is due again when it was before it was rescheduled, if it still is where that brought it. ARGV
-- 4: state, 5: attempts, 6: since, 7: message, 8: the end of the list to look from, 9: the mark.
local before = K .. 'before:' .. id
local now_is = changed(ARGV[4], ARGV[5], ARGV[6])
if now_is then return now_is end
local mark, message, score, since, due =
  unpack(redis.call('HMGET', before, 'mark', 'message', 'score', 'since', 'due'))
if mark ~= ARGV[9] then return {'kept', ARGV[4], ARGV[5]} end
if ARGV[7] == '' or not pull(ARGV[4], ARGV[7], ARGV[8]) then return {'taken', ARGV[4], ARGV[5]} end
redis.call('ZADD', SCHEDULE, score, message)
place('delayed', since)
if due ~= '' then redis.call('HSET', JOB, 'due_at', due) end
redis.call('DEL', before)
return {'done', 'delayed', ARGV[5]}
