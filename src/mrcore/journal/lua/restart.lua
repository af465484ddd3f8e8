-- Asks a worker to end, so that its supervisor starts it again, if it is the one that was seen.
-- The job id is the worker's name. ARGV 4: pid, 5: since when it runs, 6: ms until the wish lapses.
local found = redis.call('HGET', ROOT .. 'workers', id)
if not found or redis.call('EXISTS', ROOT .. 'alive:' .. id) == 0 then return {'gone'} end
local facts = cjson.decode(found)
if string.format('%d', facts.pid) ~= ARGV[4] then return {'moved'} end
if string.format('%.6f', facts.started_at) ~= ARGV[5] then return {'moved'} end
if not facts.supervised then return {'alone'} end
redis.call('SET', ROOT .. 'restart:' .. id, now, 'PX', ARGV[6])
return {'done'}
