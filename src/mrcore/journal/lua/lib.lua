-- Shared by every script: it is put in front of each.
-- KEYS: the queue's prefix, huey's list, huey's schedule, the journal's prefix.
-- ARGV: queue, job id, now (epoch seconds; with ~ in front the server's clock is taken instead, if
-- the login may), then each script's own.
local K, LIST, SCHEDULE, ROOT = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local queue, id, now = ARGV[1], ARGV[2], ARGV[3]
if string.sub(now, 1, 1) == '~' then
  local at = redis.pcall('TIME')
  now = at.err and string.sub(now, 2) or string.format('%d.%06d', tonumber(at[1]), tonumber(at[2]))
end
local JOB = K .. 'job:' .. id

-- Now, or `since` where a clock was set back meanwhile: nothing ends before it began.
local function later(since)
  return since and tonumber(since) > tonumber(now) and since or now
end

-- Into a state, with the fields that come with it.
local function place(state, score, ...)
  local old = redis.call('HGET', JOB, 'state')
  if old and old ~= state then redis.call('ZREM', K .. old, id) end
  if old == 'quarantined' then redis.call('DEL', K .. 'quarantine:' .. id) end
  redis.call('ZADD', K .. state, score, id)
  redis.call('HSET', JOB, 'state', state, ...)
end

-- A message of a quarantined job: its id is enqueued more than once. It stays with the quarantine.
local function aside(message)
  local at = K .. 'quarantine:' .. id
  redis.call('HSET', at, 'aside:' .. redis.call('HINCRBY', at, 'asides', 1), message)
end

-- Messages that were put aside back into huey's list, before the quarantine ends.
local function unaside(push)
  local at = K .. 'quarantine:' .. id
  for n = 1, tonumber(redis.call('HGET', at, 'asides') or '0') do
    redis.call(push, LIST, redis.call('HGET', at, 'aside:' .. n))
  end
end

local function quarantined()
  return redis.call('HGET', JOB, 'state') == 'quarantined'
end

local function set(first)
  if #ARGV >= first then redis.call('HSET', JOB, unpack(ARGV, first)) end
end

local function count(what, by)
  return redis.call('HINCRBY', K .. 'stats', what, by or 1)
end

local function wake()
  redis.call('SADD', ROOT .. 'queues', queue)
  redis.pcall('PUBLISH', ROOT .. 'wake', queue)  -- a login without channels still enqueues
end

-- Which messages in a worker's hands have begun: a field for each run, by the message's SHA-1 and the
-- attempt, since equal messages may run at once. The value is when it began and the job's id, which
-- nobody needs to read the message for.
local function mark(worker, message, n)
  redis.call('HSET', K .. 'begun:' .. worker, redis.sha1hex(message) .. ':' .. n, now .. ' ' .. id)
end

-- Of the runs of such a message that have begun the newest: attempt, when it began, the job's id.
-- nil where there are no more of them than `beside`.
local function newest(worker, message, beside)
  local sha, runs, n, value = redis.sha1hex(message), 0, nil, nil
  local all = redis.call('HGETALL', K .. 'begun:' .. worker)
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 40) == sha then
      runs = runs + 1
      local each = tonumber(string.sub(all[i], 42))
      if not n or each > n then n, value = each, all[i + 1] end
    end
  end
  if runs <= beside then return nil end
  return n, string.match(value, '^(%S+) (.*)$')
end

-- When run `n` of a message began, and its job's id; nil where it has not.
local function run(worker, message, n)
  local value = redis.call('HGET', K .. 'begun:' .. worker, redis.sha1hex(message) .. ':' .. n)
  if value then return string.match(value, '^(%S+) (.*)$') end
end

-- How many such messages are in the worker's hands.
local function same(worker, message)
  return #redis.call('LPOS', K .. 'active:' .. worker, message, 'COUNT', 0)
end

-- Out of a worker's hands, with its run `n` if it has begun; false when somebody else has taken it.
local function release(worker, message, n)
  if redis.call('LREM', K .. 'active:' .. worker, 1, message) == 0 then return false end
  if not n then return true end
  local begun = K .. 'begun:' .. worker
  if redis.call('HDEL', begun, redis.sha1hex(message) .. ':' .. n) == 0 then
    -- an equal message has gone with this run's mark, and left its own
    local other = newest(worker, message, same(worker, message))
    if other then redis.call('HDEL', begun, redis.sha1hex(message) .. ':' .. other) end
  end
  return true
end

-- At most 100 at once, so that a lowered retention never blocks the server.
local function trim(state, keep)
  if keep == '' then return end
  local over = math.min(redis.call('ZCARD', K .. state) - tonumber(keep), 100)
  if over <= 0 then return end
  for _, old in ipairs(redis.call('ZRANGE', K .. state, 0, over - 1)) do
    redis.call('UNLINK', K .. 'job:' .. old)
    redis.call('ZREM', K .. state, old)
  end
end

-- What the end of an attempt leaves for those who keep it longer than retention does: a stream of
-- each state. `number` counts the queue's ends, so that they know what they have missed; `json` is
-- the attempt, whose trace only a failure needs. Answers what it has read of the job.
local function ended(state, number, n, json)
  local of = redis.call('HMGET', JOB, 'task', 'outcome', 'error', 'enqueued_at', 'started_at',
    'schedule')
  local run = cjson.encode({queue, id, number, n, later(of[5]), unpack(of)})
  local stream = ROOT .. 'ended:' .. state
  if state == 'failed' then  -- pcall: a login that may not write streams still ends its jobs
    redis.pcall('XADD', stream, 'MAXLEN', '~', 2000, '*', 'run', run, 'attempt', json)
  else
    redis.pcall('XADD', stream, 'MAXLEN', '~', 10000, '*', 'run', run)
  end
  return of
end

-- The newest 20 words of a schedule's field, the newest first.
local function remember(schedule, field, word)
  local kept, n = word, 1
  for old in string.gmatch(redis.call('HGET', schedule, field) or '', '%S+') do
    if n == 20 then break end
    kept, n = kept .. ' ' .. old, n + 1
  end
  redis.call('HSET', schedule, field, kept)
end

-- The newest 20 attempts are kept.
local function attempt(n, json)
  redis.call('HSET', JOB, 'attempt:' .. n, json)
  if n > 20 then redis.call('HDEL', JOB, 'attempt:' .. (n - 20)) end
end

-- The newest 100 jobs that another one enqueued while it ran are kept with that.
local function adopt(parent)
  if parent == '' or redis.call('EXISTS', parent) == 0 then return end
  local n = redis.call('HINCRBY', parent, 'children', 1)
  redis.call('HSET', parent, 'child:' .. n, cjson.encode({queue, id}))
  if n > 100 then redis.call('HDEL', parent, 'child:' .. (n - 100)) end
end

-- A new message into the queue, with fields of its job; beside a quarantined job of its id it is put.
local function enqueue(message, first)
  count('enqueued')
  if quarantined() then
    aside(message)
    return 'aside'
  end
  redis.call('LPUSH', LIST, message)
  place('waiting', now, unpack(ARGV, first))
  wake()
  return 'done'
end

-- nil if the job is as it was seen (its state, its attempts, when it came into that state), else
-- what it is now: 'gone' or 'moved', state, attempts.
local function changed(state, attempts, since)
  local is, n = unpack(redis.call('HMGET', JOB, 'state', 'attempts'))
  if not is then return {'gone', '', '0'} end
  local came = redis.call('ZSCORE', K .. is, id) or ''
  if is == state and (n or '0') == attempts and came == since then return nil end
  return {'moved', is, n or '0'}
end

-- A message out of huey's own list or schedule; `side` is the end of the list to look from. False
-- if it is not there: a worker has it. Answers its score in the schedule, '' from the list.
-- What is deeper than 150,000 is not looked for: Redis would stand still for too long.
local function pull(state, message, side)
  if state == 'waiting' then
    local there = redis.call('LPOS', LIST, message, 'RANK', side, 'MAXLEN', 150000)
    return there and redis.call('LREM', LIST, side, message) > 0 and ''
  end
  local score = redis.call('ZSCORE', SCHEDULE, message)
  return score and redis.call('ZREM', SCHEDULE, message) == 1 and score
end

-- Into the list, with `before` messages behind it that are taken earlier: the end is taken next.
-- False, and to be taken next, where its place is so deep that Redis would search for over 20 ms.
local function insert(message, before)
  local count = redis.call('LLEN', LIST)
  if before >= count then
    redis.call('LPUSH', LIST, message)
  elseif before <= 500 then  -- LINSERT searches from the other end
    local earlier = before > 0 and redis.call('RPOP', LIST, before) or {}
    redis.call('RPUSH', LIST, message)
    for n = #earlier, 1, -1 do redis.call('RPUSH', LIST, earlier[n]) end
  elseif count - before <= 150000 then
    redis.call('LINSERT', LIST, 'BEFORE', redis.call('LINDEX', LIST, -before), message)
  else
    redis.call('RPUSH', LIST, message)
    return false
  end
  return true
end

-- Back to where it came from: the schedule, or its place in the queue by its age; those that have
-- waited longer stay before it. Answers where it is, 'next' if that is not its place.
local function put(state, message, since, score)
  local exact = true
  if state == 'delayed' then
    redis.call('ZADD', SCHEDULE, score, message)
  elseif state == 'waiting' then
    exact = insert(message, redis.call('ZCOUNT', K .. 'waiting', '-inf', '(' .. since))
    wake()
  end
  return exact and '' or 'next'
end

-- A failed job waits again: its next runs are counted on.
local function again(attempts)
  local retries = tonumber(redis.call('HGET', JOB, 'retries') or '0')
  redis.call('HSET', JOB, 'max_attempts', tonumber(attempts) + retries + 1)
  redis.call('HDEL', JOB, 'message', 'finished_at', 'outcome')
end
