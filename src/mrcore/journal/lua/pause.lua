-- Workers claim nothing more of the queue, if it is not paused. ARGV 4: since, 5: by whom, 6: why.
local since = redis.call('GET', K .. 'paused')
if since then return {'moved', since} end
redis.call('SET', K .. 'paused', ARGV[4])
if ARGV[5] ~= '' then redis.call('HSET', K .. 'paused_by', 'by', ARGV[5], 'why', ARGV[6]) end
return {'done', ARGV[4]}
