-- Put one key back from the trash, with its own expiry, only if its name is free.
-- KEYS  its place in the trash, the key
-- ARGV  type, command that counts it, count, digest of its DUMP or '', expiry in ms or ''
if redis.call('EXISTS', KEYS[2]) == 1 then return {'taken'} end
local time = redis.call('TIME')
if ARGV[5] ~= '' and tonumber(ARGV[5]) <= time[1] * 1000 + time[2] / 1000 then
  return {'expired'}
end
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind == 'none' then return {'gone'} end
if kind ~= ARGV[1] or redis.call(ARGV[2], KEYS[1]) ~= tonumber(ARGV[3]) then return {'content'} end
if ARGV[4] ~= '' and redis.sha1hex(redis.call('DUMP', KEYS[1])) ~= ARGV[4] then
  return {'content'}
end
redis.call('RENAMENX', KEYS[1], KEYS[2])
local set
if ARGV[5] == '' then
  set = redis.pcall('PERSIST', KEYS[2])
else
  set = redis.pcall('PEXPIREAT', KEYS[2], ARGV[5])
end
if type(set) == 'table' and set['err'] then
  redis.call('RENAME', KEYS[2], KEYS[1])
  return set
end
return {'done'}
