return all(function(id, state, score, was, by, why)
  local other = moved(id, state, score, was)
  if other then return other end
  local before, after = out(id, state)
  if not before then return { after, state, was } end
  local since = string.format('%d', now_ms())
  local hash_ends, results_end = deadline(hash(id)), deadline('rq:results:' .. id)
  redis.call('HSET', note(id), 'from', state, 'score', score, 'before', before, 'after', after,
    'by', by, 'why', why, 'hash_ends', hash_ends, 'results_end', results_end)
  redis.call('ZADD', HELD, since, id)
  redis.call('PERSIST', hash(id))
  redis.call('PERSIST', 'rq:results:' .. id)
  return { 'done', state, since }
end)
