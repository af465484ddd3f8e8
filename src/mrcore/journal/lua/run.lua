-- A schedule's job now, beside its ticks, if it has not been enqueued meanwhile. ARGV 4: message,
-- 5: the schedule's key, 6: when it was last enqueued ('' is never); then fields of the job.
local last = redis.call('HGET', ARGV[5], 'last_enqueued_at') or ''
if last ~= ARGV[6] or redis.call('EXISTS', ARGV[5]) == 0 then return {'moved', last} end
enqueue(ARGV[4], 7)
redis.call('HSET', ARGV[5], 'last_enqueued_at', now)
return {'done', now, redis.call('ZSCORE', K .. 'waiting', id)}
