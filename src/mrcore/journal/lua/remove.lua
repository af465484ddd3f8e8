-- A job out of the journal and out of huey, into the trash, if it is still as it was seen.
-- ARGV 4: state, 5: attempts, 6: since, 7: the trash's name, 8: its life in ms, 9: message ('' if it
-- is in no list), 10: the end of the list to look from. Answers 'done' and huey's score of it, and
-- does so again where the trash of that name is there: what asks has done it.
local state, message, trash = ARGV[4], ARGV[9], K .. 'trash:' .. ARGV[7]
if redis.call('EXISTS', trash) == 1 then
  return {'done', state, ARGV[5], redis.call('GET', trash .. ':score') or ''}
end
local now_is = changed(state, ARGV[5], ARGV[6])
if now_is then return now_is end
local score = ''
if state == 'waiting' or state == 'delayed' then
  score = message ~= '' and pull(state, message, ARGV[10])
  if not score then return {'taken', state, ARGV[5]} end
  redis.call('SET', trash .. ':message', message, 'PX', ARGV[8])
  if score ~= '' then redis.call('SET', trash .. ':score', score, 'PX', ARGV[8]) end
elseif state == 'quarantined' then
  redis.call('RENAME', K .. 'quarantine:' .. id, trash .. ':quarantine')
  redis.call('PEXPIRE', trash .. ':quarantine', ARGV[8])
end
redis.call('RENAME', JOB, trash)
redis.call('PEXPIRE', trash, ARGV[8])
redis.call('ZREM', K .. state, id)
return {'done', state, ARGV[5], score}
