return all(function(id, state, score, was, trash)
  local other = moved(id, state, score, was)
  if other then return other end
  local before, after = out(id, state)
  if not before then return { after, state, was } end
  local kept = redis.call('HGETALL', note(id))
  redis.call('DEL', note(id))
  local ends = bury(id, trash)
  return { 'done', state, score, before, after, ends, cjson.encode(kept) }
end)
