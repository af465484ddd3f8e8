-- A quarantined job to exactly where it was, if it is still in that quarantine. ARGV 4: attempts,
-- 5: since.
local now_is = changed('quarantined', ARGV[4], ARGV[5])
if now_is then return now_is end
local from, since, score, message =
  unpack(redis.call('HMGET', K .. 'quarantine:' .. id, 'from', 'since', 'score', 'message'))
if not from then return {'gone', 'quarantined', ARGV[4]} end
local where = put(from, message, since, score)
unaside('RPUSH')
place(from, since)
return {'done', from, ARGV[4], where}
