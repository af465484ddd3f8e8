-- uses reprocessJob promote
-- Out of quarantine: what was delayed is due as before, all else waits at the end.
return each(function(one)
  local from = ours .. 'quarantine:' .. one.id
  if call('EXISTS', base .. one.id) == 1 then return {'taken', (seek(one.id)), ''} end
  local place = cjson.decode(call('HGET', from .. ':info', 'place'))
  restore(one.id, from, place)
  unkeep(from)
  call('ZREM', ours .. 'quarantine', one.id)
  if place.state == 'failed' then
    place_back(one.id, place)
    local keys = {
      base .. one.id, base .. 'events', base .. 'failed', base .. 'wait', base .. 'meta',
      base .. 'active', base .. 'marker', base .. 'prioritized', base .. 'pc',
    }
    reprocessJob(keys, {one.id, 'LPUSH', 'failedReason', 'failed', '0', '0'})
    return {'done', 'waiting', ''}
  end
  if place.state == 'waiting' then
    call('LPUSH', base .. 'wait', one.id)
    wake()
  else
    place_back(one.id, place)
  end
  announce(place.state, one.id, 'quarantined')
  return {'done', place.state, ''}
end)
