-- uses promote
-- Delayed jobs run now.
return each(function(one)
  local place = {
    state = 'delayed', score = one.since, delay = field(one.id, 'delay'),
    started = one.started, attempts = one.attempts, priority = field(one.id, 'priority'),
  }
  local keys = {
    base .. 'delayed', base .. 'wait', base .. 'paused', base .. 'meta', base .. 'prioritized',
    base .. 'active', base .. 'pc', base .. 'events', base .. 'marker',
  }
  promote(keys, {base, one.id})
  local state, since = seek(one.id)
  place.now, place.now_since = state, since
  return {'done', leave(one.mark, place), state}
end)
