-- A copy of a job into the queue, if that is still as it was seen; the id is the copy's. ARGV 4: the
-- job's id, 5: state, 6: attempts, 7: since, 8: its copies so far, 9: the copy's message; then fields of
-- the copy. Answers 'done' and since when the copy waits.
local of = K .. 'job:' .. ARGV[4]
if redis.call('HGET', JOB, 'copy_of') == ARGV[4] then  -- whoever asks again: the id is its own
  return {'done', ARGV[5], ARGV[6], redis.call('HGET', JOB, 'copied_at')}
end
local is, n, copies = unpack(redis.call('HMGET', of, 'state', 'attempts', 'copies'))
if not is then return {'gone', '', '0'} end
local came = redis.call('ZSCORE', K .. is, ARGV[4]) or ''
if is ~= ARGV[5] or (n or '0') ~= ARGV[6] or came ~= ARGV[7] then return {'moved', is, n or '0'} end
if (copies or '0') ~= ARGV[8] then return {'copied', is, n or '0'} end
enqueue(ARGV[9], 10)
local since = redis.call('ZSCORE', K .. 'waiting', id)
redis.call('HSET', JOB, 'copy_of', ARGV[4], 'copied_at', since)
redis.call('HINCRBY', of, 'copies', 1)
return {'done', is, n or '0', since}
