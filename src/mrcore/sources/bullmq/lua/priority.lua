-- uses changePriority
-- Changes the priority of jobs that wait or are delayed.
return each(function(one)
  local now = field(one.id, 'priority')
  if now ~= one.was then return {'moved', one.state .. ' with priority ' .. now, one.attempts} end
  local place = {
    state = one.state, delay = field(one.id, 'delay'), priority = field(one.id, 'priority'),
    started = one.started, attempts = one.attempts,
  }
  if SETS[one.state] then
    place.score = one.since
  else
    beside(place, (index(base .. 'wait', one.id)))
  end
  local keys = {
    base .. 'wait', base .. 'paused', base .. 'meta', base .. 'prioritized', base .. 'active',
    base .. 'pc', base .. 'marker',
  }
  changePriority(keys, {one.priority, base, one.id, '0'})
  local state, since = seek(one.id)
  place.now, place.now_since, place.now_priority = state, since, one.priority
  return {'done', leave(one.mark, place), state}
end)
