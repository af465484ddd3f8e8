-- Bury some jobs of one state: of the queue up to the one that was its last, or those of a registry
-- that ended before an instant. The index of the trash knows the way back.
return all(function(state, limit, trash, first, last, do_it)
  local ids
  if state == 'queued' then
    if not redis.call('LPOS', LIST, last, 'RANK', -1, 'MAXLEN', DEPTH) then
      return { 'gone', '0', '0' }
    end
    ids = redis.call('LRANGE', LIST, 0, limit - 1)
  else
    ids = redis.call('ZRANGE', WHERE[state], first, first + limit - 1)
  end
  local found, became = 0, 'more'
  for _, id in ipairs(ids) do
    local fits = true
    if state == 'failed' or state == 'finished' then
      local at = redis.call('HGET', hash(id), 'ended_at')
      fits = at and at ~= '' and at <= last
    end
    if fits then
      found = found + 1
      if do_it == '1' then
        local score = ''
        if state == 'queued' then
          redis.call('LPOP', LIST)
        else
          score = redis.call('ZSCORE', WHERE[state], id)
          redis.call('ZREM', WHERE[state], id)
        end
        local ends = bury(id, trash .. id .. ':')
        redis.call('RPUSH', trash, cjson.encode({ id, state, score, ends }))
      end
    end
    if state == 'queued' and id == last then
      became = 'ended'
      break
    end
  end
  if do_it == '1' and found > 0 then redis.call('PEXPIRE', trash, DAY_MS) end
  return { became, tostring(found), tostring(#ids) }
end)
