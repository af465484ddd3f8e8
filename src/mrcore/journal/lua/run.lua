-- A schedule's job now, beside its ticks, if it has not been enqueued meanwhile. ARGV 4: message,
-- 5: the schedule's key, 6: when it was last enqueued ('' is never), 7: the set of all schedules,
-- 8: its name there; then fields of the job.
if redis.call('SISMEMBER', ARGV[7], ARGV[8]) == 0 then return {'gone', ''} end
if redis.call('HGET', JOB, 'schedule') == ARGV[5] then  -- whoever asks again: the id is its own
  local came = redis.call('ZSCORE', K .. 'waiting', id) or ''
  return {'done', redis.call('HGET', JOB, 'enqueued_at'), came}
end
if redis.call('HEXISTS', ARGV[5], 'removed_at') == 1 then return {'gone', ''} end
local last = redis.call('HGET', ARGV[5], 'last_enqueued_at') or ''
if last ~= ARGV[6] or redis.call('EXISTS', ARGV[5]) == 0 then return {'moved', last} end
enqueue(ARGV[4], 9)
redis.call('HSET', JOB, 'enqueued_at', now)
redis.call('HSET', ARGV[5], 'last_enqueued_at', now)
return {'done', now, redis.call('ZSCORE', K .. 'waiting', id)}
