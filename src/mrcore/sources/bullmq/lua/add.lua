-- uses addStandardJob addPrioritizedJob
-- Adds a job: a copy of the one that was seen, or the next run of a schedule that was seen.
local DROPPED = {'jobId', 'de', 'deduplication', 'parent', 'repeat', 'rjk', 'repeatJobKey', 'delay',
  'prevMillis', 'timestamp'}
local LAST = ours .. 'last:'

return each(function(one)
  local hash = base .. (one.schedule and 'repeat:' .. one.schedule or one.id)
  local said = call('HMGET', hash, 'name', 'data', 'opts')
  local ok, opts = pcall(cjson.decode, said[3] or '{}')
  if not ok or type(opts) ~= 'table' then opts = {} end
  for _, name in ipairs(DROPPED) do opts[name] = nil end
  if next(opts) == nil then opts.attempts = 1 end -- an empty table would be packed as a list
  local packed = {
    cmsgpack.pack({base, one.copy, said[1] or '', tonumber(now_ms)}), said[2] or '{}',
    cmsgpack.pack(opts),
  }
  if (tonumber(opts.priority) or 0) > 0 then
    local keys = {
      base .. 'marker', base .. 'meta', base .. 'id', base .. 'prioritized', base .. 'delayed',
      base .. 'completed', base .. 'active', base .. 'events', base .. 'pc',
    }
    addPrioritizedJob(keys, packed)
  else
    local keys = {
      base .. 'wait', base .. 'paused', base .. 'meta', base .. 'id', base .. 'completed',
      base .. 'delayed', base .. 'active', base .. 'events', base .. 'marker',
    }
    addStandardJob(keys, packed)
  end
  call('SET', LAST .. one.of, one.mark, 'PX', keep_ms)
  local state, since = seek(one.copy)
  local memento = {job = one.copy, state = state, since = since, before = one.last}
  return {'done', leave(one.mark, memento), one.copy}
end, function(one)
  if (call('GET', LAST .. one.of) or '') ~= one.last then return {'copied', '', ''} end
  if not one.schedule then return moved(one) end
  if (call('ZSCORE', base .. 'repeat', one.schedule) or '') ~= one.since then
    return {'ticked', call('ZSCORE', base .. 'repeat', one.schedule) or '', ''}
  end
  return nil
end)
