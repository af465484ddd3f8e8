-- Puts a removed schedule back, with its next run.
return each(function(one)
  local from = ours .. 'trash:' .. one.undoes
  local dump = call('DUMP', from .. ':schedule')
  if not dump then return {'gone', '', ''} end
  local id = 'repeat:' .. one.schedule .. ':' .. one.millis
  call('RESTORE', base .. 'repeat:' .. one.schedule, 0, dump, 'REPLACE')
  call('ZADD', base .. 'repeat', one.millis, one.schedule)
  if one.score and call('EXISTS', base .. id) == 0 then
    restore(id, from, {})
    announce(place_back(id, {state = 'delayed', score = one.score}), id, 'removed')
  end
  unkeep(from)
  call('DEL', from .. ':schedule', ours .. 'did:' .. one.undoes)
  return {'done', '', ''}
end, function(one)
  if call('ZSCORE', base .. 'repeat', one.schedule) then return {'taken', '', ''} end
  return nil
end)
