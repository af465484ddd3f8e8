-- Back to where a quarantined job was; `since` is when it was quarantined.
local replies, why = {}, foreign()
for n = 6, #ARGV do
  local one = cjson.decode(ARGV[n])
  local from = ours .. 'quarantine:' .. one.id
  if why ~= '' then
    replies[#replies + 1] = {'foreign', why, ''}
  elseif call('ZSCORE', ours .. 'quarantine', one.id) ~= one.since then
    replies[#replies + 1] = {'moved', (seek(one.id)), ''}
  elseif call('EXISTS', base .. one.id) == 1 then
    replies[#replies + 1] = {'taken', (seek(one.id)), ''}
  else
    restore(one.id, from, one.place)
    local state = place_back(one.id, one.place)
    announce(state, one.id, 'quarantined')
    unkeep(from)
    call('ZREM', ours .. 'quarantine', one.id)
    call('DEL', ours .. 'did:' .. one.mark)
    replies[#replies + 1] = {'done', state, ''}
  end
end
return replies
