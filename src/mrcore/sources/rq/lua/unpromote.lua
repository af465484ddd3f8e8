return all(function(id, score, before, at, ends)
  local now, _ = place(id)
  if now == '' then return { 'gone', '', '' } end
  if now ~= 'queued' or redis.call('HGET', hash(id), 'enqueued_at') ~= at then
    return { 'moved', now, stamp(id) }
  end
  local taken, why = out(id, 'queued')
  if not taken then return { why, now, '' } end
  redis.call('HSET', hash(id), 'status', 'scheduled')
  if before == '' then
    redis.call('HDEL', hash(id), 'enqueued_at')
  else
    redis.call('HSET', hash(id), 'enqueued_at', before)
  end
  redis.call('PERSIST', hash(id))
  expire(hash(id), ends)
  redis.call('ZADD', WHERE.scheduled, score, id)
  return { 'done', 'scheduled', '' }
end)
