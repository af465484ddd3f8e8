-- Of the package rq-scheduler; a score moves it back, '' takes it away.
return all(function(id, was, score)
  local jobs = 'rq:scheduler:scheduled_jobs'
  local now = redis.call('ZSCORE', jobs, id) or ''
  if now ~= was then return { 'moved', now, '' } end
  if score == '' then redis.call('ZREM', jobs, id) else redis.call('ZADD', jobs, score, id) end
  return { 'done', now, score }
end)
