-- Takes jobs out of their states into quarantine, where no worker and no board finds them.
return each(function(one)
  local why = bound(one.id)
  if why then return {'bound', why, ''} end
  local to = ours .. 'quarantine:' .. one.id
  local place = stash(one.id, one.state, to, 0)
  call('HSET', to .. ':info', 'state', one.state, 'by', one.by, 'why', one.why,
    'place', cjson.encode(place))
  call('ZADD', ours .. 'quarantine', now_ms, one.id)
  place.quarantined = now_ms
  return {'done', leave(one.mark, place), one.state}
end)
