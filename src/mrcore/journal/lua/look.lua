-- Jobs as a plan needs them, in JSON: [id, state, attempts, since, task, 1 if its message is kept];
-- the state is false where there is no such job. ARGV 4: '' and then ids; or ZRANGEBYSCORE or
-- ZREVRANGEBYSCORE, 5: state, 6 and 7: bounds, 8: rows to leave out, 9: rows at most.
local ids = {}
if ARGV[4] == '' then
  for i = 5, #ARGV do ids[i - 4] = ARGV[i] end
else
  ids = redis.call(ARGV[4], K .. ARGV[5], ARGV[6], ARGV[7], 'LIMIT', ARGV[8], ARGV[9])
end
local found = {}
for i, each in ipairs(ids) do
  local at = K .. 'job:' .. each
  local state, attempts, task = unpack(redis.call('HMGET', at, 'state', 'attempts', 'task'))
  local since = state and redis.call('ZSCORE', K .. state, each) or ''
  found[i] = {each, state, attempts or '0', since, task or '?', redis.call('HEXISTS', at, 'message')}
end
return #found == 0 and '[]' or cjson.encode(found)
