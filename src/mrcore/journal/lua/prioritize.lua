-- Another priority for a message of a huey whose queue is a sorted set. ARGV 4: the message as it is
-- kept, 5: its score, 6: the new one, 7: the mark by which whoever asks again is known for a day, or ''.
local before = K .. 'before:' .. id
if ARGV[7] ~= '' and redis.call('HGET', before, 'mark') == ARGV[7] then return {'done', ARGV[6]} end
local score = redis.call('ZSCORE', LIST, ARGV[4])
if not score then return {'gone', ''} end
if score ~= ARGV[5] then return {'moved', score} end
redis.call('ZADD', LIST, 'XX', ARGV[6], ARGV[4])
redis.call('DEL', before)
if ARGV[7] ~= '' then
  redis.call('HSET', before, 'mark', ARGV[7])
  redis.call('PEXPIRE', before, 86400000)
end
return {'done', redis.call('ZSCORE', LIST, ARGV[4])}
