return all(function(schedule, last, id, data, description, timeout, result_ttl, ttl, failure_ttl)
  local history = 'rq:cron_job:' .. schedule .. ':jobs'
  local newest = redis.call('ZREVRANGE', history, 0, 0)
  if (newest[1] or '') ~= last then return { 'moved', newest[1] or '', '' } end
  local before = redis.call('ZSCORE', 'rq:cron_jobs', schedule) or ''
  redis.call('HSET', hash(id), 'created_at', NOW, 'data', data, 'description', description,
    'success_callback_name', '', 'failure_callback_name', '', 'stopped_callback_name', '',
    'started_at', '', 'ended_at', '', 'last_heartbeat', '', 'worker_name', '', 'group_id', '')
  local rest = { timeout = timeout, result_ttl = result_ttl, ttl = ttl, failure_ttl = failure_ttl }
  for name, value in pairs(rest) do
    if value ~= '' then redis.call('HSET', hash(id), name, value) end
  end
  enqueue(id)
  local at = string.format('%.3f', now_ms() / 1000)
  redis.call('ZADD', history, at, id)
  redis.call('ZADD', 'rq:cron_jobs', at, schedule)
  return { 'done', id, NOW, before, redis.call('ZSCORE', 'rq:cron_jobs', schedule) }
end)
