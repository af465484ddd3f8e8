-- uses removeJobScheduler
-- Undoes a registration: what was there before is back, and its first run is gone while it waits.
return each(function(one)
  local id = 'repeat:' .. one.schedule .. ':' .. call('ZSCORE', base .. 'repeat', one.schedule)
  removeJobScheduler({base .. 'repeat', base .. 'delayed', base .. 'events'}, {one.schedule, base})
  if call('EXISTS', base .. id) == 1 and seek(id) == 'waiting' then
    stash(id, 'waiting', ours .. 'gone', 1)
  end
  if one.millis then put_schedule(one.schedule, ours .. 'trash:' .. one.undoes, one) end
  call('DEL', ours .. 'did:' .. one.undoes)
  return {'done', '', ''}
end, function(one)
  local now = goes_by(one.schedule)
  if now ~= one.registered then return {'moved', now, ''} end
  if one.millis and call('EXISTS', ours .. 'trash:' .. one.undoes .. ':schedule') == 0 then
    return {'gone', '', ''}
  end
  return nil
end)
