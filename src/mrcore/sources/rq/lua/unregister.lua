-- As it was before it was registered, if it has not run since; gone where it was not there.
return all(function(id, intervals, score, was, before)
  local state, at = place(id)
  local now = redis.call('HGET', hash(id), 'repeat_intervals') or ''
  if state ~= 'scheduled' or at ~= score or now ~= intervals then return { 'moved', state, now } end
  if was == '' then
    redis.call('ZREM', WHERE.scheduled, id)
    redis.call('DEL', hash(id))
  else
    redis.call('HSET', hash(id), 'repeat_intervals', was)
    redis.call('ZADD', WHERE.scheduled, before, id)
  end
  return { 'done', id, '' }
end)
