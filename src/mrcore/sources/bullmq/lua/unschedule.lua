-- uses removeJobScheduler
-- Removes a schedule and its next run; both lie in the trash of `mark`.
return each(function(one)
  local hash, to = base .. 'repeat:' .. one.schedule, ours .. 'trash:' .. one.mark
  local millis = call('ZSCORE', base .. 'repeat', one.schedule)
  local id = 'repeat:' .. one.schedule .. ':' .. millis
  local memento = {mark = one.mark, millis = millis}
  local dump = call('DUMP', hash)
  if dump then call('RESTORE', to .. ':schedule', keep_ms, dump, 'REPLACE') end
  memento.score = call('ZSCORE', base .. 'delayed', id) or nil
  if memento.score then
    for _, part in ipairs(PARTS) do
      dump = call('DUMP', base .. id .. part)
      if dump then call('RESTORE', to .. part, keep_ms, dump, 'REPLACE') end
    end
  end
  removeJobScheduler({base .. 'repeat', base .. 'delayed', base .. 'events'}, {one.schedule, base})
  return {'done', leave(one.mark, memento), ''}
end, function(one)
  local millis = call('ZSCORE', base .. 'repeat', one.schedule)
  if not millis then return {'gone', '', ''} end
  if millis ~= one.since then return {'ticked', millis, ''} end
  if (call('HGET', base .. 'repeat:' .. one.schedule, 'ic') or '') ~= one.runs then
    return {'ticked', millis, ''}
  end
  return nil
end)
