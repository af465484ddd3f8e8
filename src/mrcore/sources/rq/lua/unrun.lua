return all(function(schedule, id, at, before, after)
  local now, _ = place(id)
  if now == '' then return { 'gone', '', '' } end
  if now ~= 'queued' or redis.call('HGET', hash(id), 'enqueued_at') ~= at then
    return { 'moved', now, '' }
  end
  local taken, why = out(id, 'queued')
  if not taken then return { why, now, '' } end
  redis.call('DEL', unpack(keys_of(id)))
  redis.call('ZREM', 'rq:cron_job:' .. schedule .. ':jobs', id)
  if redis.call('ZSCORE', 'rq:cron_jobs', schedule) == after then
    if before == '' then
      redis.call('ZREM', 'rq:cron_jobs', schedule)
    else
      redis.call('ZADD', 'rq:cron_jobs', before, schedule)
    end
  end
  return { 'done', 'removed', '' }
end)
