-- A new job. ARGV 4: message, 5: the hash of the job that enqueues it ('' is none), 6: the word of this
-- call; then fields of it. Whoever asks again with the same word has only not heard the answer: a client
-- repeats a command whose connection broke. 'aside': a job of its id is quarantined, and so is this
-- message of it.
if redis.call('HGET', JOB, 'asked') == ARGV[6] then return 'done' end
local became = enqueue(ARGV[4], 7)
redis.call('HSET', JOB, 'asked', ARGV[6])
if became == 'done' then redis.call('HSET', JOB, 'enqueued_at', now) end
adopt(ARGV[5])
return became
