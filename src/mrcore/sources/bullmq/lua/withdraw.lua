-- Undoes an addition: the job that was added is removed while it waits and has not run.
local LAST = ours .. 'last:'
return each(function(one)
  stash(one.id, one.state, ours .. 'gone', 1)
  call('DEL', ours .. 'did:' .. one.undoes)
  if call('GET', LAST .. one.of) == one.undoes then
    if one.before == '' then
      call('DEL', LAST .. one.of)
    else
      call('SET', LAST .. one.of, one.before, 'PX', keep_ms)
    end
  end
  return {'done', one.state, ''}
end)
