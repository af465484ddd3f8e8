-- Workers claim again, if the queue is still paused by the very pause that was seen. ARGV 4: since.
-- Answers 'done', since when it was paused, by whom and why.
local since = redis.call('GET', K .. 'paused') or ''
if since ~= ARGV[4] or since == '' then return {'moved', since} end
local by, why = unpack(redis.call('HMGET', K .. 'paused_by', 'by', 'why'))
redis.call('DEL', K .. 'paused', K .. 'paused_by')
wake()
return {'done', since, by or '', why or ''}
