-- uses addJobScheduler
-- Registers a schedule as it is declared; what was there, and its next run, lie in the trash of
-- `mark`. What is not declared of its job stays as it is.
local function made(one, opts)
  local scheduler = {name = one.name, every = one.every, pattern = one.pattern, tz = one.tz}
  local job = {
    ['repeat'] = {every = one.every, pattern = one.pattern, tz = one.tz, count = 1},
    jobId = 'repeat:' .. one.schedule .. ':' .. one.next, delay = tonumber(one.delay),
    timestamp = tonumber(now_ms), prevMillis = tonumber(one.next), repeatJobKey = one.schedule,
  }
  for name, value in pairs(opts) do if job[name] == nil then job[name] = value end end
  return cmsgpack.pack(scheduler), cmsgpack.pack(opts), cmsgpack.pack(job)
end
local NAMES = {
  'repeat', 'delayed', 'wait', 'paused', 'meta', 'prioritized', 'marker', 'id', 'events', 'pc',
  'active',
}

return each(function(one)
  local said = call('HMGET', base .. 'repeat:' .. one.schedule, 'name', 'data', 'opts')
  local ok, opts = pcall(cjson.decode, said[3] or '{}')
  if not ok or type(opts) ~= 'table' then opts = {} end
  local to, memento = ours .. 'trash:' .. one.mark, {registered = one.to}
  if one.was ~= '' then keep_schedule(one.schedule, to, memento) end
  one.name = one.name or said[1] or one.schedule
  local scheduler, template, job = made(one, opts)
  local keys = {}
  for n, name in ipairs(NAMES) do keys[n] = base .. name end
  local reply = addJobScheduler(keys, {
    one.next, scheduler, one.schedule, one.data or said[2] or '{}', template, job, now_ms, base, '',
  })
  if type(reply) == 'number' then
    if memento.millis then put_schedule(one.schedule, to, memento) end
    return {'busy', '', ''}
  end
  return {'done', leave(one.mark, memento), ''}
end, function(one)
  if goes_by(one.schedule) ~= one.was then return {'moved', goes_by(one.schedule), ''} end
  if one.was == '' then return nil end
  local millis = call('ZSCORE', base .. 'repeat', one.schedule)
  local id = 'repeat:' .. one.schedule .. ':' .. millis
  local state = call('EXISTS', base .. id) == 1 and seek(id) or ''
  if state == 'waiting' or state == 'prioritized' then return {'waits', state, ''} end
  return nil
end)
