-- A failed job back into the queue, if it is still as it was seen. ARGV 4: attempts, 5: since.
-- Answers 'done' or why not, and the facts: state, attempts.
local now_is = changed('failed', ARGV[4], ARGV[5])
if now_is then return now_is end
local message = redis.call('HGET', JOB, 'message')
if not message then return {'no_message', 'failed', ARGV[4]} end
redis.call('LPUSH', LIST, message)
place('waiting', now)
again(ARGV[4])
wake()
return {'done', 'failed', ARGV[4]}
