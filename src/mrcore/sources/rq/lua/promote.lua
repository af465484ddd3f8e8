return all(function(id, state, score, was)
  local other = moved(id, state, score, was)
  if other then return other end
  local before = redis.call('HGET', hash(id), 'enqueued_at') or ''
  local ends = deadline(hash(id))
  redis.call('ZREM', WHERE.scheduled, id)
  enqueue(id)
  return { 'done', state, score, before, NOW, ends }
end)
