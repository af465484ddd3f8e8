-- uses pause
-- Pauses or resumes a queue (`to`), if it is not; who paused it is kept beside it.
local HELD = ours .. 'paused'
local function is_paused() return call('HEXISTS', base .. 'meta', 'paused') == 1 end

return each(function(one)
  local away, back = base .. 'wait', base .. 'paused'
  if one.to == 'resumed' then away, back = back, away end
  local keys = {
    away, back, base .. 'meta', base .. 'prioritized', base .. 'events', base .. 'delayed',
    base .. 'marker',
  }
  local before = call('HMGET', HELD, 'since', 'by', 'why', 'mark')
  pause(keys, {one.to})
  call('DEL', HELD)
  if one.to == 'paused' then
    local held = one.held or {now_ms, one.by, one.why, one.mark}
    if held[4] and held[4] ~= '' then
      call('HSET', HELD, 'since', held[1], 'by', held[2], 'why', held[3], 'mark', held[4])
    end
  end
  if one.undoes then
    call('DEL', ours .. 'did:' .. one.undoes)
    return {'done', one.to, ''}
  end
  for n = 1, 4 do before[n] = before[n] or '' end
  return {'done', leave(one.mark, {to = one.to, held = before}), ''}
end, function(one)
  if is_paused() == (one.to == 'paused') then return {'moved', one.to, ''} end
  if one.undoes and one.to == 'resumed' and call('HGET', HELD, 'mark') ~= one.undoes then
    return {'moved', 'paused by somebody else', ''}
  end
  return nil
end)
