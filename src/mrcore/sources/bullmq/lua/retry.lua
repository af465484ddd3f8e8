-- uses reprocessJob updateData
-- Retries failed jobs; with `data` the payload is that from then on, if it still was `digest`.
return each(function(one)
  local key = base .. one.id
  if one.data then
    if redis.sha1hex(field(one.id, 'data')) ~= one.digest then return {'edited', one.state, ''} end
    updateData({key}, {one.data})
  end
  local keys = {
    key, base .. 'events', base .. 'failed', base .. 'wait', base .. 'meta', base .. 'active',
    base .. 'marker', base .. 'prioritized', base .. 'pc',
  }
  local opts = field(one.id, 'opts')
  local lifo = string.find(opts, '"lifo":true', 1, true) and 'RPUSH' or 'LPUSH'
  reprocessJob(keys, {one.id, lifo, 'failedReason', 'failed', '0', '0'})
  return {'done', '', one.attempts}
end)
