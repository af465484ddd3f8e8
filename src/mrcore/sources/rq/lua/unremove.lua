return all(function(id, state, score, before, after, ends, kept, trash)
  if redis.call('EXISTS', hash(id)) == 1 then return { 'again', (place(id)), '' } end
  if not unbury(id, trash, ends) then return { 'gone', '', '' } end
  local facts = cjson.decode(kept)
  if #facts > 0 then redis.call('HSET', note(id), unpack(facts)) end
  return { 'done', state, into(id, state, score, before, after) }
end)
