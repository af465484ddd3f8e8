-- uses changeDelay
-- Delayed jobs run `delay` ms from now.
return each(function(one)
  local place = {
    state = 'delayed', score = one.since, delay = field(one.id, 'delay'),
    started = one.started, attempts = one.attempts, priority = field(one.id, 'priority'),
  }
  local keys = {base .. 'delayed', base .. 'meta', base .. 'marker', base .. 'events'}
  changeDelay(keys, {one.delay, now_ms, one.id, base .. one.id})
  local state, since = seek(one.id)
  place.now, place.now_since = state, since
  return {'done', leave(one.mark, place), state}
end)
