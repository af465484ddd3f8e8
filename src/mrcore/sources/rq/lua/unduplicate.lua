return all(function(id, new, last, at)
  local now, _ = place(new)
  if now == '' then return { 'gone', '', '' } end
  if now ~= 'queued' or redis.call('HGET', hash(new), 'enqueued_at') ~= at then
    return { 'moved', now, stamp(new) }
  end
  local taken, why = out(new, 'queued')
  if not taken then return { why, now, '' } end
  redis.call('DEL', unpack(keys_of(new)))
  if redis.call('GET', copied(id)) == new then
    if last == '' then redis.call('DEL', copied(id)) else redis.call('SET', copied(id), last, 'PX', DAY_MS) end
  end
  return { 'done', 'removed', '' }
end)
