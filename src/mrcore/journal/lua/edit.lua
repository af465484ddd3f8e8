-- A failed job back into the queue with another message, if it is still as it was seen. ARGV 4:
-- attempts, 5: since, 6: its message, 7: the new one; then fields of the job.
local now_is = changed('failed', ARGV[4], ARGV[5])
if now_is then return now_is end
if redis.call('HGET', JOB, 'message') ~= ARGV[6] then return {'no_message', 'failed', ARGV[4]} end
redis.call('LPUSH', LIST, ARGV[7])
set(8)
place('waiting', now)
again(ARGV[4])
wake()
return {'done', 'failed', ARGV[4]}
