return all(function(trash, limit)
  local back, looked = 0, 0
  for _ = 1, limit do
    local entry = redis.call('RPOP', trash)
    if not entry then break end
    looked = looked + 1
    local id, state, score, ends = unpack(cjson.decode(entry))
    if redis.call('EXISTS', hash(id)) == 0 and unbury(id, trash .. id .. ':', ends) then
      if state == 'queued' then redis.call('LPUSH', LIST, id) else redis.call('ZADD', WHERE[state], score, id) end
      back = back + 1
    end
  end
  return { 'more', tostring(back), tostring(looked) }
end)
