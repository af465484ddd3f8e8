-- Put one key into the trash, only if it is as it was planned; 'again' if this operation has. O(1) but for a digest of <= 64 KiB.
-- KEYS  the key, its place in the trash
-- ARGV  type, command that counts it, count, '1' if it has a TTL, digest of its DUMP or '',
--       most ms in the trash, PEXPIRETIME or (before 7.0) PTTL
if redis.call('EXISTS', KEYS[2]) == 1 then return {'again'} end
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind == 'none' then return {'gone'} end
if kind ~= ARGV[1] then return {'type', kind} end
local size = redis.call(ARGV[2], KEYS[1])
if size ~= tonumber(ARGV[3]) then return {'size', size} end
local left = redis.call('PTTL', KEYS[1])
if (left >= 0) ~= (ARGV[4] == '1') then return {'ttl', left} end
if ARGV[5] ~= '' and redis.sha1hex(redis.call('DUMP', KEYS[1])) ~= ARGV[5] then
  return {'content'}
end
local expires = redis.call(ARGV[7], KEYS[1])
local time = redis.call('TIME')
redis.call('RENAME', KEYS[1], KEYS[2])
local bounded
if left < 0 or left > tonumber(ARGV[6]) then bounded = redis.pcall('PEXPIRE', KEYS[2], ARGV[6]) end
if type(bounded) == 'table' and bounded['err'] then
  redis.call('RENAME', KEYS[2], KEYS[1])
  return bounded
end
return {'done', expires, time[1] * 1000 + math.floor(time[2] / 1000)}
