return all(function(id, state, score, was)
  local other = moved(id, state, score, was)
  if other then return other end
  local f = redis.call('HMGET', note(id), 'from', 'score', 'hash_ends', 'results_end')
  redis.call('ZREM', HELD, id)
  redis.call('DEL', note(id))
  expire(hash(id), f[3] or '')
  expire('rq:results:' .. id, f[4] or '')
  if f[1] == 'scheduled' then
    redis.call('ZADD', WHERE.scheduled, f[2], id)
    return { 'done', 'scheduled', was }
  end
  requeue(id)
  return { 'done', 'queued', was }
end)
