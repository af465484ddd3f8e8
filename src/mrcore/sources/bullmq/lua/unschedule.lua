-- uses removeJobScheduler
-- Removes a schedule and its next run; both lie in the trash of `mark`.
return each(function(one)
  local memento = {mark = one.mark}
  keep_schedule(one.schedule, ours .. 'trash:' .. one.mark, memento)
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
