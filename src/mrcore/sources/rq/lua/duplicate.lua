return all(function(id, state, score, was, last, new)
  local other = moved(id, state, score, was)
  if other then return other end
  if (redis.call('GET', copied(id)) or '') ~= last then return { 'copied', state, was } end
  if state == 'queued' then
    local at, why = listed(id)
    if not at then return { why, state, was } end
  end
  local facts = redis.call('HGETALL', hash(id))
  for first = 1, #facts, 2 do redis.call('HSET', hash(new), facts[first], facts[first + 1]) end
  redis.call('HDEL', hash(new), 'exc_info', 'result', 'number_of_retries', 'dependency_id',
    'dependency_ids')
  redis.call('HSET', hash(new), 'created_at', NOW, 'started_at', '', 'ended_at', '',
    'last_heartbeat', '', 'worker_name', '', 'group_id', '')
  enqueue(new)
  redis.call('SET', copied(id), new, 'PX', DAY_MS)
  return { 'done', state, new, last, NOW }
end)
