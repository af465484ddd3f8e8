-- Puts a removed schedule back, with its next run.
return each(function(one)
  if not put_schedule(one.schedule, ours .. 'trash:' .. one.undoes, one) then
    return {'gone', '', ''}
  end
  call('DEL', ours .. 'did:' .. one.undoes)
  return {'done', '', ''}
end, function(one)
  if call('ZSCORE', base .. 'repeat', one.schedule) then return {'taken', '', ''} end
  return nil
end)
