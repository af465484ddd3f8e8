-- A job to where no worker takes it from, if it is still as it was seen. ARGV 4: state, 5: attempts,
-- 6: since, 7: message ('' if it is in no list), 8: the end of the list to look from, 9: by whom,
-- 10: why, 11: the mark by which whoever asks again is known. Answers 'done' and since when it is there.
local state, message = ARGV[4], ARGV[7]
if redis.call('HGET', K .. 'quarantine:' .. id, 'mark') == ARGV[11] then
  return {'done', state, ARGV[5], redis.call('ZSCORE', K .. 'quarantined', id)}
end
local now_is = changed(state, ARGV[5], ARGV[6])
if now_is then return now_is end
local score = ''
if state ~= 'failed' then
  score = message ~= '' and pull(state, message, ARGV[8])
  if not score then return {'taken', state, ARGV[5]} end
end
redis.call('HSET', K .. 'quarantine:' .. id, 'from', state, 'since', ARGV[6], 'score', score,
  'message', message, 'by', ARGV[9], 'why', ARGV[10], 'mark', ARGV[11])
place('quarantined', now)
return {'done', state, ARGV[5], redis.call('ZSCORE', K .. 'quarantined', id)}
