-- A schedule's tick, once whoever asks. ARGV 4: message, 5: the schedule's key, 6: tick,
-- 7: ticks missed before it, 8: next tick; then fields of the job. 'removed': nothing is enqueued.
local schedule, tick, missed = ARGV[5], ARGV[6], tonumber(ARGV[7])
local last = redis.call('HGET', schedule, 'last_tick')
if last and tonumber(last) >= tonumber(tick) then return 'known' end
if redis.call('HEXISTS', schedule, 'removed_at') == 1 then  -- somebody has taken it out: it only counts on
  redis.call('HSET', schedule, 'last_tick', tick, 'next_at', ARGV[8])
  return 'removed'
end
enqueue(ARGV[4], 9)
redis.call('HSET', schedule, 'last_tick', tick, 'last_enqueued_at', now, 'next_at', ARGV[8])
remember(schedule, 'ticks', now)
if missed > 0 then
  redis.call('HINCRBY', schedule, 'missed', missed)
  redis.call('HSET', schedule, 'missed_at', now)
end
return 'done'
