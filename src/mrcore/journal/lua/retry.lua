-- A failed job back into the queue, if it is still as it was seen. ARGV 4: attempts seen.
-- Answers 'done' or why not, and the facts: state, attempts.
local state, attempts, message, retries =
  unpack(redis.call('HMGET', JOB, 'state', 'attempts', 'message', 'retries'))
if not state then return {'gone', '', '0'} end
if state ~= 'failed' or attempts ~= ARGV[4] then return {'moved', state, attempts or '0'} end
if not message then return {'no_message', state, attempts} end
redis.call('LPUSH', LIST, message)
place('waiting', now)
redis.call('HSET', JOB, 'max_attempts', tonumber(attempts) + tonumber(retries or '0') + 1)
redis.call('HDEL', JOB, 'message', 'finished_at', 'outcome')
count('retried')
wake()
return {'done', state, attempts}
