-- Undoes a promotion, a delay or a priority: a job that waits goes back to where it was.
return each(function(one)
  local place = one.place
  if place.now_priority and field(one.id, 'priority') ~= place.now_priority then
    return {'moved', one.state, one.attempts}
  end
  if SETS[one.state] then
    call('ZREM', base .. SETS[one.state], one.id)
  else
    local _, side = index(base .. 'wait', one.id)
    call('LREM', base .. 'wait', side, one.id)
  end
  call('HSET', base .. one.id, 'delay', place.delay, 'priority', place.priority)
  local state = place_back(one.id, place)
  announce(state, one.id, one.state)
  call('DEL', ours .. 'did:' .. one.undoes)
  return {'done', state, ''}
end)
