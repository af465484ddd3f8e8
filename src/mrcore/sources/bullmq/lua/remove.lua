-- Removes jobs; what each was lies in the trash under its mark.
return each(function(one)
  local why = bound(one.id)
  if why then return {'bound', why, ''} end
  local to = ours .. 'trash:' .. one.mark
  local place = stash(one.id, one.state, to, keep_ms)
  return {'done', leave(one.mark, place), ''}
end)
