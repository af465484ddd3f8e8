-- uses changePriority
-- Changes the priority of jobs that wait or are delayed.
return each(function(one)
  local now = field(one.id, 'priority')
  if now ~= one.was then return {'moved', one.state .. ' with priority ' .. now, one.attempts} end
  local place = {
    state = one.state, delay = field(one.id, 'delay'), priority = field(one.id, 'priority'),
    started = one.started, attempts = one.attempts,
  }
  local side = 0
  if SETS[one.state] then
    place.score = one.since
  else
    local at
    at, side = index(base .. 'wait', one.id)
    beside(place, at)
  end
  local keys = {
    base .. 'wait', base .. 'paused', base .. 'meta', base .. 'prioritized', base .. 'active',
    base .. 'pc', base .. 'marker',
  }
  if one.state == 'delayed' then -- the package's script would look for it in the whole list
    call('HSET', base .. one.id, 'priority', one.priority)
  else
    if side ~= 0 then -- that script begins at the tail
      call('LREM', base .. 'wait', side, one.id)
      call('RPUSH', base .. 'wait', one.id)
    end
    changePriority(keys, {one.priority, base, one.id, '0'})
  end
  local state, since = seek(one.id)
  place.now, place.now_since, place.now_priority = state, since, one.priority
  return {'done', leave(one.mark, place), state}
end)
