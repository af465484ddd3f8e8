-- A new job. ARGV 4: message; then fields of the job.
enqueue(ARGV[4], 5)
return 'done'
