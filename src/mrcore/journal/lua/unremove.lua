-- A removed job out of the trash to where it was. ARGV 4: the trash's name, 5: state, 6: since,
-- 7: huey's score of it, '' where only the trash knows. 'gone': the trash has expired; 'again': there
-- is another job of this id.
local trash, state = K .. 'trash:' .. ARGV[4], ARGV[5]
local message = redis.call('GET', trash .. ':message')
local score = ARGV[7] ~= '' and ARGV[7] or redis.call('GET', trash .. ':score')
local queued = state == 'waiting' or state == 'delayed'
if redis.call('EXISTS', trash) == 0 or (queued and not message) then return {'gone', '', '0'} end
if redis.call('EXISTS', JOB) == 1 then
  return {'again', redis.call('HGET', JOB, 'state') or '', redis.call('HGET', JOB, 'attempts') or '0'}
end
redis.call('RENAME', trash, JOB)
redis.call('PERSIST', JOB)
local where = queued and put(state, message, ARGV[6], score) or ''
if state == 'quarantined' then
  redis.call('RENAME', trash .. ':quarantine', K .. 'quarantine:' .. id)
  redis.call('PERSIST', K .. 'quarantine:' .. id)
end
redis.call('ZADD', K .. state, ARGV[6], id)
redis.call('DEL', trash .. ':message', trash .. ':score')
return {'done', state, '', where}
