-- A job that repeats: another interval, or a new job where there is none (`was` is '').
return all(function(id, was, score, intervals, due, data, description, times)
  local state, at = place(id)
  local now = redis.call('HGET', hash(id), 'repeat_intervals') or ''
  if was == '' and redis.call('EXISTS', hash(id)) == 1 then return { 'moved', state, now } end
  if was ~= '' and (state ~= 'scheduled' or at ~= score or now ~= was) then
    return { 'moved', state, now }
  end
  if was == '' then
    redis.call('HSET', hash(id), 'created_at', NOW, 'data', data, 'description', description,
      'success_callback_name', '', 'failure_callback_name', '', 'stopped_callback_name', '',
      'started_at', '', 'ended_at', '', 'last_heartbeat', '', 'worker_name', '', 'group_id', '',
      'origin', NAME, 'status', 'scheduled', 'timeout', 180, 'repeats_left', times)
    redis.call('SADD', 'rq:queues', LIST)
  end
  redis.call('HSET', hash(id), 'repeat_intervals', intervals)
  redis.call('ZADD', WHERE.scheduled, due, id)
  return { 'done', id, redis.call('ZSCORE', WHERE.scheduled, id) }
end)
