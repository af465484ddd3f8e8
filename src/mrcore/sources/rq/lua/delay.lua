return all(function(id, state, score, was, later)
  local other = moved(id, state, score, was)
  if other then return other end
  redis.call('ZADD', WHERE.scheduled, 'XX', later, id)
  return { 'done', state, score, redis.call('ZSCORE', WHERE.scheduled, id) }
end)
