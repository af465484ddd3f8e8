return all(function(id, state, score, was)
  local other = moved(id, state, score, was)
  if other then return other end
  redis.call('ZREM', WHERE.failed, id)
  requeue(id)
  return { 'done', state, was }
end)
