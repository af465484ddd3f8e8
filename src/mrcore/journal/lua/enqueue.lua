-- A new job. ARGV 4: message, 5: the hash of the job that enqueues it ('' is none); then fields of it.
-- 'aside': a job of its id is quarantined, and so is this message of it.
local became = enqueue(ARGV[4], 6)
if became == 'done' then redis.call('HSET', JOB, 'enqueued_at', now) end
adopt(ARGV[5])
return became
