-- What every script of this source shares. ARGV: queue, rq's words for now, the number of arguments
-- of one call, then those of each call: the mark of the operation first, '' where none is kept.
local NAME, NOW, WIDTH = ARGV[1], ARGV[2], tonumber(ARGV[3])
local LIST = 'rq:queue:' .. NAME
local HELD = 'mr:rq:quarantine:' .. NAME
local WHERE = {
  failed = 'rq:failed:' .. NAME, finished = 'rq:finished:' .. NAME,
  scheduled = 'rq:scheduled:' .. NAME, deferred = 'rq:deferred:' .. NAME,
  canceled = 'rq:canceled:' .. NAME, quarantined = HELD,
}
local DAY_MS, DEPTH, SHORT = 86400000, 100000, 1000
local EMPTY = '\120\156\3\0\0\0\0\1' -- zlib of nothing: what rq writes for no error

local function hash(id) return 'rq:job:' .. id end
local function note(id) return 'mr:rq:quarantined:' .. NAME .. ':' .. id end
local function copied(id) return 'mr:rq:copied:' .. NAME .. ':' .. id end
local function keys_of(id)
  return { hash(id), 'rq:results:' .. id, hash(id) .. ':dependents',
    'rq:job::' .. id .. ':dependencies', 'rq:executions:' .. id }
end

-- Where a job is, and its score there; '' where there is none.
local function place(id)
  local facts = redis.call('HMGET', hash(id), 'status', 'origin')
  if not facts[1] or (facts[2] and facts[2] ~= NAME) then return '', '' end
  local state = facts[1]
  if state == 'stopped' then state = 'failed' end
  local held = redis.call('ZSCORE', HELD, id)
  if held then return 'quarantined', held end
  if not WHERE[state] then return state, '' end
  return state, redis.call('ZSCORE', WHERE[state], id) or ''
end

local function stamp(id)
  local f = redis.call('HMGET', hash(id), 'enqueued_at', 'started_at', 'ended_at')
  return (f[1] or '') .. '|' .. (f[2] or '') .. '|' .. (f[3] or '')
end

-- Nil where a job is as it was planned; else the answer that says what it is.
local function moved(id, state, score, was)
  local now, at = place(id)
  if now == '' then return { 'gone', '', '' } end
  if now ~= state or at ~= score or stamp(id) ~= was then return { 'moved', now, stamp(id) } end
  return nil
end

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- When a key expires, in ms since the epoch; '' where it does not. PEXPIRETIME is of 7.0.
local function deadline(key)
  local at = redis.pcall('PEXPIRETIME', key)
  if type(at) ~= 'number' then
    at = redis.call('PTTL', key)
    if at > 0 then at = now_ms() + at end
  end
  return at > 0 and string.format('%d', at) or ''
end
local function expire(key, at) if at ~= '' then redis.call('PEXPIREAT', key, at) end end

-- The place of a job in the list from its head, and the end that it is nearer to; nil too deep.
local function listed(id)
  local at = redis.call('LPOS', LIST, id, 'MAXLEN', DEPTH)
  if at then return at, 1 end
  at = redis.call('LPOS', LIST, id, 'RANK', -1, 'MAXLEN', DEPTH)
  if at then return at, -1 end
  return nil, redis.call('LLEN', LIST) > 2 * DEPTH and 'deep' or 'taken'
end

-- Take a job out of where it is: its neighbours in the list, or nil and why not.
local function out(id, state)
  if state ~= 'queued' then
    redis.call('ZREM', WHERE[state], id)
    return '', ''
  end
  local at, side = listed(id)
  if not at then return nil, side end
  local before = at > 0 and redis.call('LINDEX', LIST, at - 1) or ''
  local after = redis.call('LINDEX', LIST, at + 1) or ''
  redis.call('LREM', LIST, side, id)
  return before, after
end

-- Put a job beside another in the list; false where that is gone or too deep. LINSERT walks from the
-- head: near the end, what lies behind is taken off and put back instead.
local function beside(id, other, after)
  if other == '' then return false end
  if not redis.call('LPOS', LIST, other, 'MAXLEN', DEPTH) then
    local at = redis.call('LPOS', LIST, other, 'RANK', -1, 'MAXLEN', DEPTH)
    if not at then return false end
    local size = redis.call('LLEN', LIST)
    local behind = size - at - (after and 1 or 0)
    if behind <= SHORT then
      local rest = behind > 0 and redis.call('LRANGE', LIST, -behind, -1) or {}
      redis.call('LTRIM', LIST, 0, size - behind - 1)
      redis.call('RPUSH', LIST, id, unpack(rest))
      return true
    end
    if size > 10 * DEPTH then return false end
  end
  return redis.call('LINSERT', LIST, after and 'AFTER' or 'BEFORE', other, id) > 0
end

-- Put a job where it was; what was beside it tells where in the list.
local function into(id, state, score, before, after)
  if state ~= 'queued' then
    redis.call('ZADD', WHERE[state], score, id)
  elseif not beside(id, after, false) and not beside(id, before, true) then
    redis.call('LPUSH', LIST, id)
    return before == '' and '' or 'next'
  end
  return ''
end

-- As rq enqueues: at the end, with its defaults.
local function enqueue(id)
  redis.call('SADD', 'rq:queues', LIST)
  redis.call('HSET', hash(id), 'status', 'queued', 'enqueued_at', NOW, 'origin', NAME)
  redis.call('HSETNX', hash(id), 'timeout', 180)
  local ttl = tonumber(redis.call('HGET', hash(id), 'ttl') or '0') or 0
  if ttl > 0 then redis.call('EXPIRE', hash(id), ttl) end
  redis.call('RPUSH', LIST, id)
end

-- As rq requeues what has failed; retries_left stays.
local function requeue(id)
  redis.call('HSET', hash(id), 'started_at', '', 'ended_at', '', 'exc_info', EMPTY)
  enqueue(id)
end

-- All keys of a job into the trash for a day; when each would have expired.
local function bury(id, trash)
  local ends = {}
  for n, key in ipairs(keys_of(id)) do
    ends[n] = ''
    if redis.call('EXISTS', key) == 1 then
      ends[n] = deadline(key)
      redis.call('RENAME', key, trash .. n)
      redis.call('PEXPIRE', trash .. n, DAY_MS)
    end
  end
  return table.concat(ends, ',')
end

-- The opposite; false where the trash is empty.
local function unbury(id, trash, ends)
  if redis.call('EXISTS', trash .. 1) == 0 then return false end
  local n = 0
  for at in string.gmatch(ends .. ',', '([^,]*),') do
    n = n + 1
    local key = keys_of(id)[n]
    if redis.call('EXISTS', trash .. n) == 1 then
      redis.call('RENAME', trash .. n, key)
      redis.call('PERSIST', key)
      expire(key, at)
    end
  end
  return true
end

-- Each call once: what an operation has done already is answered as it was then.
local function all(one)
  local answers = {}
  for first = 4, #ARGV, WIDTH do
    local mark = ARGV[first] ~= '' and 'mr:rq:done:' .. ARGV[first]
    local known = mark and redis.call('GET', mark)
    if known then
      answers[#answers + 1] = cjson.decode(known)
    else
      local answer = one(unpack(ARGV, first + 1, first + WIDTH - 1))
      if mark and answer[1] == 'done' then
        redis.call('SET', mark, cjson.encode(answer), 'PX', DAY_MS)
      end
      answers[#answers + 1] = answer
    end
  end
  return answers
end
