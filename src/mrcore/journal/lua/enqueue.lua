-- A new job. ARGV 4: message, 5: the hash of the job that enqueues it ('' is none); then fields of it.
enqueue(ARGV[4], 6)
redis.call('HSET', JOB, 'enqueued_at', now)
adopt(ARGV[5])
return 'done'
