-- Workers claim nothing more of the queue, if it is not paused. ARGV 4: since, 5: by whom, 6: why,
-- 7: the mark by which whoever asks again is known, or ''; 8: whether to know it ('' where a pause is
-- put back with the mark that it had).
local since = redis.call('GET', K .. 'paused')
if since then
  local mine = ARGV[8] ~= '' and redis.call('HGET', K .. 'paused_by', 'mark') == ARGV[7]
  return {mine and 'done' or 'moved', since}
end
redis.call('SET', K .. 'paused', ARGV[4])
if ARGV[5] ~= '' then redis.call('HSET', K .. 'paused_by', 'by', ARGV[5], 'why', ARGV[6]) end
if ARGV[7] ~= '' then redis.call('HSET', K .. 'paused_by', 'mark', ARGV[7]) end
return {'done', ARGV[4]}
