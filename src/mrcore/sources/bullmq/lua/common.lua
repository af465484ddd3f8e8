-- What every script of ours begins with: may this queue be written to, is a job as it was seen,
-- taking it out with all that it has, and putting it back.
-- uses removeJob
-- KEYS[1] the queue's meta. ARGV[1] what its keys begin with, [2] what ours of it begin with,
-- [3] now in ms, [4] how deep a list is looked through, [5] how long ours are kept in ms.
local call = redis.call
local base, ours, now_ms, deep, keep_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local SETS = {
  failed = 'failed', completed = 'completed', delayed = 'delayed', prioritized = 'prioritized',
  waiting_children = 'waiting-children',
}
local PARTS = {'', ':logs', ':dependencies', ':processed', ':failed', ':unsuccessful'}

-- '' where the queue is of layout 6, else the version that is there.
local function foreign()
  local version = call('HGET', base .. 'meta', 'version') or ''
  if string.match(version, '^bullmq:6%.[%w%.+-]+$') == nil then return 'layout ' .. version end
  if call('EXISTS', base .. 'paused') == 1 then return 'layout ' .. version .. ' with a paused list' end
  return ''
end

-- Where in a list an id is, looked for from both ends: its index, and from which side it is found.
-- Only for a job that was seen to wait: so many as such are in one script, as lists are long.
local function index(list, id, most)
  local at = call('LPOS', list, id, 'RANK', -1, 'MAXLEN', most or deep)
  if at then return at, -1 end
  at = call('LPOS', list, id, 'RANK', 1, 'MAXLEN', most or deep)
  if at then return at, 1 end
  return nil, 0
end

local function field(id, name)
  return call('HGET', base .. id, name) or ''
end

-- In which state a job is, and its score there (a waiting one's: when it was added). Only the ends
-- of lists are looked at: what was put there last, or is next, is found; of others it is not known
-- whether they wait or run.
local NEAR = 20
local function seek(id)
  for state, key in pairs(SETS) do
    local score = call('ZSCORE', base .. key, id)
    if score then return state, score end
  end
  local held = call('ZSCORE', ours .. 'quarantine', id)
  if held then return 'quarantined', held end
  if call('EXISTS', base .. id) == 0 then return '', '' end
  if index(base .. 'wait', id, NEAR) then return 'waiting', field(id, 'timestamp') end
  if call('EXISTS', base .. id .. ':lock') == 1 then return 'active', '' end
  if index(base .. 'active', id, NEAR) then return 'active', '' end
  return 'waiting_or_active', ''
end

-- The score of a job in a state, nil where it is not in it.
local function within(id, state)
  if SETS[state] then return call('ZSCORE', base .. SETS[state], id) or nil end
  if state == 'quarantined' then return call('ZSCORE', ours .. 'quarantine', id) or nil end
  if state == 'waiting' and index(base .. 'wait', id) then return field(id, 'timestamp') end
  return nil
end

-- nil where a job is as it was seen, else what became of it.
local function moved(one)
  local hash = base .. one.id
  if one.state == 'quarantined' then hash = ours .. 'quarantine:' .. one.id end
  local made = call('HMGET', hash, 'atm', 'attemptsMade', 'ats')
  local attempts, started = made[1] or made[2] or '0', made[3] or ''
  local same = attempts == one.attempts and started == one.started
  if same and call('EXISTS', hash) == 1 and within(one.id, one.state) == one.since then return nil end
  local state = seek(one.id)
  if state == '' then return {'gone', '', attempts} end
  return {'moved', state, attempts}
end

-- What an operation has done already: the memento that it left at a mark.
local function did(mark)
  if mark == nil or mark == '' then return false end
  return call('GET', ours .. 'did:' .. mark)
end
local function leave(mark, memento)
  memento.mark = mark
  local text = cjson.encode(memento)
  call('SET', ours .. 'did:' .. mark, text, 'PX', keep_ms)
  return text
end

-- Why a job cannot be taken out so that it can be put back: a flow or a schedule hangs on it.
local function bound(id)
  local scheduler = call('HGET', base .. id, 'rjk')
  if scheduler then
    local millis = call('ZSCORE', base .. 'repeat', scheduler)
    if millis and id == 'repeat:' .. scheduler .. ':' .. millis then return 'scheduled' end
  end
  local parent = call('HGET', base .. id, 'parentKey')
  if parent and call('SISMEMBER', parent .. ':dependencies', base .. id) == 1 then return 'child' end
  if call('SCARD', base .. id .. ':dependencies') > 0 then return 'parent' end
  return nil
end

local function event(name, id, prev, ...)
  local most = call('HGET', base .. 'meta', 'opts.maxLenEvents') or 10000
  call('XADD', base .. 'events', 'MAXLEN', '~', most, '*', 'event', name, 'jobId', id, 'prev', prev, ...)
end

-- The neighbours of a waiting job: the one that came before it is nearer to the tail.
local function beside(place, at)
  place.older = call('LINDEX', base .. 'wait', at + 1) or nil
  place.newer = at > 0 and call('LINDEX', base .. 'wait', at - 1) or nil
end

-- Keeps a job under a key of ours and takes it out. `place` is what putting it back needs.
local function stash(id, state, to, keep)
  local place = {state = state}
  if SETS[state] then
    place.score = call('ZSCORE', base .. SETS[state], id)
  else
    local at, side = index(base .. 'wait', id)
    beside(place, at)
    call('LREM', base .. 'wait', side, id)
  end
  for _, part in ipairs(PARTS) do
    local dump = call('DUMP', base .. id .. part)
    if dump then call('RESTORE', to .. part, keep, dump, 'REPLACE') end
  end
  local lock = call('HGET', base .. id, 'deid')
  if lock and call('GET', base .. 'de:' .. lock) == id then
    place.deid, place.deid_ms = lock, call('PTTL', base .. 'de:' .. lock)
  end
  if SETS[state] then
    removeJob({base .. id, base .. 'repeat'}, {id, '0', base})
  else -- the package's script would look through the whole list for it, and once more for `paused`
    if place.deid then call('DEL', base .. 'de:' .. place.deid, base .. 'dn:' .. place.deid) end
    for _, part in ipairs(PARTS) do call('DEL', base .. id .. part) end
    event('removed', id, 'wait')
  end
  return place
end

local function wake()
  if call('HEXISTS', base .. 'meta', 'paused') == 0 then call('ZADD', base .. 'marker', 0, '0') end
end
local function wake_later()
  local first = call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
  if first[2] and call('HEXISTS', base .. 'meta', 'paused') == 0 then
    call('ZADD', base .. 'marker', tonumber(first[2]) / 4096, '1')
  end
end

-- Puts an id back to where it was: beside its neighbours where they still wait, else next.
local function place_back(id, place)
  if SETS[place.state] then
    call('ZADD', base .. SETS[place.state], place.score, id)
    if place.state == 'delayed' then wake_later() end
    if place.state == 'prioritized' then wake() end
    return place.state
  end
  local done = 0
  local wait = base .. 'wait'
  local at = place.older and index(wait, place.older)
  if at then
    local behind = call('LLEN', wait) - at
    if at > 5000 and behind <= 5000 then -- LINSERT would step over the whole list from its head
      local tail = call('LRANGE', wait, -behind, -1)
      call('LTRIM', wait, 0, -behind - 1)
      done = call('RPUSH', wait, id, unpack(tail))
    else
      done = call('LINSERT', wait, 'BEFORE', place.older, id)
    end
  elseif place.newer and call('LINDEX', wait, -1) ~= place.newer and index(wait, place.newer) then
    done = call('LINSERT', wait, 'AFTER', place.newer, id) -- looked for from the head
  end
  if done < 1 then call('RPUSH', wait, id) end
  wake()
  return 'waiting'
end

local function unkeep(from, keys_only)
  for _, part in ipairs(PARTS) do call('DEL', from .. part) end
  if not keys_only then call('DEL', from .. ':info') end
end

-- Puts back the hash and all that belongs to it.
local function restore(id, from, place)
  for _, part in ipairs(PARTS) do
    local dump = call('DUMP', from .. part)
    if dump then call('RESTORE', base .. id .. part, 0, dump, 'REPLACE') end
  end
  if place.deid and call('EXISTS', base .. 'de:' .. place.deid) == 0 then
    call('SET', base .. 'de:' .. place.deid, id)
    if place.deid_ms > 0 then call('PEXPIRE', base .. 'de:' .. place.deid, place.deid_ms) end
  end
end

-- What a schedule goes by, '' where there is none.
local function goes_by(schedule)
  if not call('ZSCORE', base .. 'repeat', schedule) then return '' end
  local said = call('HMGET', base .. 'repeat:' .. schedule, 'every', 'pattern', 'tz')
  return (said[1] or '') .. '|' .. (said[2] or '') .. '|' .. (said[3] or '')
end

-- A copy of a schedule, and of its next run while that is delayed, for a while.
local function keep_schedule(schedule, to, memento)
  memento.millis = call('ZSCORE', base .. 'repeat', schedule)
  local id = 'repeat:' .. schedule .. ':' .. memento.millis
  local dump = call('DUMP', base .. 'repeat:' .. schedule)
  if dump then call('RESTORE', to .. ':schedule', keep_ms, dump, 'REPLACE') end
  memento.score = call('ZSCORE', base .. 'delayed', id) or nil
  if not memento.score then return end
  for _, part in ipairs(PARTS) do
    dump = call('DUMP', base .. id .. part)
    if dump then call('RESTORE', to .. part, keep_ms, dump, 'REPLACE') end
  end
end

-- Says that a job waits again, or is delayed; nobody shall take it for one that has just ended.
local function announce(state, id, prev)
  if state == 'delayed' then
    event('delayed', id, prev, 'delay', string.format('%.0f', tonumber(field(id, 'delay')) or 0))
  elseif state == 'waiting' or state == 'prioritized' then
    event('waiting', id, prev)
  end
end

-- Puts a kept schedule back, with its next run; false where it is not kept any more.
local function put_schedule(schedule, from, memento)
  local dump = call('DUMP', from .. ':schedule')
  if not dump then return false end
  local id = 'repeat:' .. schedule .. ':' .. memento.millis
  call('RESTORE', base .. 'repeat:' .. schedule, 0, dump, 'REPLACE')
  call('ZADD', base .. 'repeat', memento.millis, schedule)
  if memento.score and call('EXISTS', base .. id) == 0 then
    restore(id, from, {})
    announce(place_back(id, {state = 'delayed', score = memento.score}), id, 'removed')
  end
  unkeep(from)
  call('DEL', from .. ':schedule')
  return true
end

-- Does `work` for each item of ARGV from 6 on, each in JSON, that `check` has nothing against: by
-- default that is a job that is not as it was seen. A foreign queue is left alone.
local function each(work, check)
  check = check or moved
  local why = foreign()
  local replies = {}
  for n = 6, #ARGV do
    local one = cjson.decode(ARGV[n])
    if why ~= '' then
      replies[#replies + 1] = {'foreign', why, ''}
    else
      local memento = did(one.mark)
      if memento then
        replies[#replies + 1] = {'again', memento, ''}
      else
        replies[#replies + 1] = check(one) or work(one)
      end
    end
  end
  return replies
end
