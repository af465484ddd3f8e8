-- Puts removed jobs back, from the trash of `mark`.
local replies, why = {}, foreign()
for n = 6, #ARGV do
  local one = cjson.decode(ARGV[n])
  local from = ours .. 'trash:' .. one.mark
  if why ~= '' then
    replies[#replies + 1] = {'foreign', why, ''}
  elseif call('EXISTS', base .. one.id) == 1 or call('ZSCORE', ours .. 'quarantine', one.id) then
    replies[#replies + 1] = {'taken', (seek(one.id)), ''}
  elseif call('EXISTS', from) == 0 then
    replies[#replies + 1] = {'gone', '', ''}
  else
    restore(one.id, from, one.place)
    local state = place_back(one.id, one.place)
    announce(state, one.id, 'removed')
    unkeep(from)
    call('DEL', ours .. 'did:' .. one.mark)
    replies[#replies + 1] = {'done', state, ''}
  end
end
return replies
