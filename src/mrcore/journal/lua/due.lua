-- A delayed job's time has come. ARGV 4: message in the schedule, 5: message for the queue.
if redis.call('ZREM', SCHEDULE, ARGV[4]) == 0 then return 'lost' end
redis.call('LPUSH', LIST, ARGV[5])
if id ~= '' and not quarantined() then place('waiting', now) end
wake()
return 'done'
