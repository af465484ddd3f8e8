return all(function(id, since, was)
  local other = moved(id, 'quarantined', since, was)
  if other then return other end
  local f = redis.call('HMGET', note(id), 'from', 'score', 'before', 'after', 'hash_ends', 'results_end')
  if not f[1] then return { 'gone', '', '' } end
  redis.call('ZREM', HELD, id)
  redis.call('DEL', note(id))
  expire(hash(id), f[5])
  expire('rq:results:' .. id, f[6])
  return { 'done', f[1], into(id, f[1], f[2], f[3], f[4]) }
end)
