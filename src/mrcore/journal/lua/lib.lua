-- Shared by every script: it is put in front of each.
-- KEYS: the queue's prefix, huey's list, huey's schedule, the journal's prefix.
-- ARGV: queue, job id, now (epoch seconds), then each script's own.
local K, LIST, SCHEDULE, ROOT = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local queue, id, now = ARGV[1], ARGV[2], ARGV[3]
local JOB = K .. 'job:' .. id

-- Into a state, with the fields that come with it.
local function place(state, score, ...)
  local old = redis.call('HGET', JOB, 'state')
  if old and old ~= state then redis.call('ZREM', K .. old, id) end
  if old == 'quarantined' then redis.call('DEL', K .. 'quarantine:' .. id) end
  redis.call('ZADD', K .. state, score, id)
  redis.call('HSET', JOB, 'state', state, ...)
end

-- A message of a quarantined job: its id was enqueued more than once. It stays with the quarantine.
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
  redis.call('HINCRBY', K .. 'stats', what, by or 1)
end

local function wake()
  redis.call('SADD', ROOT .. 'queues', queue)
  redis.pcall('PUBLISH', ROOT .. 'wake', queue)  -- a login without channels still enqueues
end

-- Out of a worker's hands; false when somebody else has taken it from them.
local function release(worker, message)
  return redis.call('LREM', K .. 'active:' .. worker, 1, message) == 1
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

-- The newest 20 attempts are kept.
local function attempt(n, json)
  redis.call('HSET', JOB, 'attempt:' .. n, json)
  if n > 20 then redis.call('HDEL', JOB, 'attempt:' .. (n - 20)) end
end

local function enqueue(message, first)
  redis.call('LPUSH', LIST, message)
  place('waiting', now, unpack(ARGV, first))
  count('enqueued')
  wake()
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
local function pull(state, message, side)
  if state == 'waiting' then return redis.call('LREM', LIST, side, message) > 0 and '' end
  local score = redis.call('ZSCORE', SCHEDULE, message)
  return score and redis.call('ZREM', SCHEDULE, message) == 1 and score
end

-- Back to where it came from: the schedule, or its place in the queue by its age. The end of the
-- list is taken next; those that have waited longer stay before it.
local function put(state, message, since, score)
  if state == 'delayed' then
    redis.call('ZADD', SCHEDULE, score, message)
  elseif state == 'waiting' then
    local before = redis.call('ZCOUNT', K .. 'waiting', '-inf', '(' .. since)
    local pivot = before > 0 and redis.call('LINDEX', LIST, -before)
    if before == 0 then redis.call('RPUSH', LIST, message)
    elseif pivot then redis.call('LINSERT', LIST, 'BEFORE', pivot, message)
    else redis.call('LPUSH', LIST, message) end
    wake()
  end
end

-- A failed job waits again: its next runs are counted on.
local function again(attempts)
  local retries = tonumber(redis.call('HGET', JOB, 'retries') or '0')
  redis.call('HSET', JOB, 'max_attempts', tonumber(attempts) + retries + 1)
  redis.call('HDEL', JOB, 'message', 'finished_at', 'outcome')
  count('retried')
end
