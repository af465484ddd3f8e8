-- What a running job tells of itself. ARGV 4: the worker that runs it, 5: progress ('' is none),
-- 6: a line of its log as JSON ('' is none), 7: the attempt; the newest 100 lines stay. 'lost': it
-- does not run any more in that worker's hands.
local is, worker, attempts = unpack(redis.call('HMGET', JOB, 'state', 'worker', 'attempts'))
if is ~= 'active' or worker ~= ARGV[4] or attempts ~= ARGV[7] then return 'lost' end
if ARGV[5] ~= '' then redis.call('HSET', JOB, 'progress', ARGV[5]) end
if ARGV[6] ~= '' then
  local n = redis.call('HINCRBY', JOB, 'logged', 1)
  redis.call('HSET', JOB, 'log:' .. n, ARGV[6])
  if n > 100 then redis.call('HDEL', JOB, 'log:' .. (n - 100)) end
end
return 'done'
