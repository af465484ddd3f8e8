-- RQ knows one pause, `rq:suspended`, for all queues; its workers only look whether it is there.
return all(function(was, value, ends)
  local now = redis.call('GET', 'rq:suspended') or ''
  if now ~= was then return { 'moved', now, '' } end
  local before = deadline('rq:suspended')
  if value == '' then
    redis.call('DEL', 'rq:suspended')
  else
    redis.call('SET', 'rq:suspended', value)
    expire('rq:suspended', ends)
  end
  return { 'done', now, value, before }
end)
