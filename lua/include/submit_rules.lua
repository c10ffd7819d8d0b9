-- [R 14] The score rules of a board, judged where the entry lives, so that nothing can come between what is read and what is written. They wrap
-- the batch's `apply`: what would be accepted is accepted, held for review, or refused. What changes nothing is not judged.
-- A member's state is "last bucket:sum bucket:sum …": the ms of its last accepted submission, and the changes of its last minute in
-- buckets of 10 s. The running bucket and the six before it cover any 60 seconds, so no minute ever holds more than the limit.

local BUCKET_MS, BUCKETS = 10000, 7

-- What stands behind the letters of `fields`: "maxChange maxChangePerMinute minIntervalMs heldMax width zero clock", x where there is none.
-- width: by how much a key differs where the first column differs by one; 0 where the key is the column. zero: from what a first entry
-- has changed, in the same measure.
local function read_rules(fields)
  local words = {}
  for word in string.gmatch(string.match(fields, '^%a*%-(.*)$'), '%S+') do words[#words + 1] = tonumber(word) or false end
  return { change = words[1], minute = words[2], interval = words[3], held_max = words[4], width = words[5], zero = words[6], clock = words[7] }
end

local function parse_state(text)
  local state = { last = tonumber(string.match(text, '^%d+')), sums = {} }
  for bucket, sum in string.gmatch(text, ' (%d+):(%S+)') do
    state.sums[#state.sums + 1] = { bucket = tonumber(bucket), sum = tonumber(sum) }
  end
  return state
end

-- %d is exact for a whole number below 2^53, and a third of the price of %.17g.
local function state_text(state)
  local text = string.format('%d', state.last)
  for _, one in ipairs(state.sums) do
    local sum = one.sum
    local whole = sum < 9007199254740992 and fmod(sum, 1) == 0
    text = text .. string.format(whole and ' %d:%d' or ' %d:%.17g', one.bucket, sum)
  end
  return text
end

-- The sums that still count. A clock that was set back forgets what is after it.
local function running_sums(state, now)
  local bucket, sums, total = math.floor(now / BUCKET_MS), {}, 0
  for _, one in ipairs(state and state.sums or {}) do
    if one.bucket <= bucket and one.bucket > bucket - BUCKETS then
      sums[#sums + 1] = one
      total = total + one.sum
    end
  end
  return sums, total, bucket
end

local function violation(letter, value, wait_ms)
  return string.format('%s %.17g %.0f', letter, value, wait_ms)
end

-- nil, or "rule value waitMs": c maxChange, m maxChangePerMinute, i minIntervalMs; wait -1 where waiting does not help.
local function verdict_on(rules, state, change, now)
  if rules.change and change > rules.change then return violation('c', change, -1) end
  local elapsed = state and now - state.last
  if rules.interval and elapsed and elapsed >= 0 and elapsed < rules.interval then
    return violation('i', elapsed, rules.interval - elapsed)
  end
  if not rules.minute then return nil end
  local sums, total = running_sums(state, now)
  if total + change <= rules.minute then return nil end
  if change > rules.minute then return violation('m', total + change, -1) end
  local left, frees = total, now
  for _, one in ipairs(sums) do
    left = left - one.sum
    frees = (one.bucket + BUCKETS) * BUCKET_MS
    if left + change <= rules.minute then break end
  end
  return violation('m', total + change, frees - now)
end

local function state_after(rules, state, change, now)
  if not rules.minute then return { last = now, sums = {} } end
  local sums, _, bucket = running_sums(state, now)
  local newest = sums[#sums]
  if newest and newest.bucket == bucket then
    sums[#sums] = { bucket = bucket, sum = newest.sum + change }
  elseif change > 0 then
    sums[#sums + 1] = { bucket = bucket, sum = change }
  end
  return { last = now, sums = sums }
end

-- States that no rule asks for any more go, a few as new ones come.
local function prune_states(meta, key, oldest, count)
  local page = redis.call('HSCAN', key, redis.call('HGET', meta, 'pruned') or '0', 'COUNT', count)
  local over = {}
  for i = 1, #page[2], 2 do
    local last = tonumber(string.match(page[2][i + 1], '^%d+') or 'none')
    if last and last < oldest then over[#over + 1] = page[2][i] end
  end
  if #over > 0 then redis.call('HDEL', key, unpack(over)) end
  redis.call('HSET', meta, 'pruned', page[1])
end

-- How far the first column has moved; the digits of one column are apart by exactly what its values are, times 10^decimals.
local function measure(rules)
  local width = rules.width
  local function first(key) return width == 0 and key or (key - fmod(key, width)) / width end
  return function(new, was)
    local from = was and first(was) or rules.zero
    return from and math.abs(first(new) - from) or 0
  end
end

-- What the batch brings for review: per event '', "h" id and record of what may be held, or "a" id of what is approved.
local function hold_of(batch, e)
  if not batch.before_holds then return nil end
  return string.match(ARGV[batch.before_holds + e], '^(%a)(%S+) ?(.*)$')
end

-- Approved: applied without being judged, and out of review in the same step, so that it counts once whoever approves it how often.
local function apply_approved(apply, held, id, e, old)
  if redis.call('HEXISTS', held, id) == 0 then return 'g', old end
  local status, key, new, was = apply(e, old)
  if status ~= 'r' then redis.call('HDEL', held, id) end
  return status, key, new, was
end

-- Held, or refused where nothing may be held or no more of it.
local function hold_or_refuse(held, rules, verdict, now, id, record)
  if not record or record == '' then return 'v', verdict end
  if redis.call('HLEN', held) - 1 >= rules.held_max then return 'v', verdict .. ' full' end
  redis.call('HSET', held, id, string.format('%s %.0f ', verdict, now) .. record)
  return 'h', verdict
end

-- @return what is to be called with the outcome of apply_events
local function judge_batch(call, batch, states_key, held, rules)
  local apply, change_of, now = batch.apply, measure(rules), rules.clock or call.now
  local timed = rules.minute or rules.interval
  local texts, states, changed = timed and of_members('HMGET', states_key, batch), {}, {}
  local reviews = batch.before_holds and redis.call('HLEN', held) > 1
  batch.apply = function(e, old)
    local member, kind, id, record = ARGV[batch.before_members + e], hold_of(batch, e)
    if kind == 'a' then return apply_approved(apply, held, id, e, old) end
    -- Once held, a repeat of it is held, whatever the rules would say now: nothing else keeps it from counting twice.
    local review = kind and reviews and redis.call('HGET', held, id)
    if review then return 'h', (old or '') .. '|' .. string.match(review, '^%a %S+ %S+') end
    local status, key, new, was = apply(e, old)
    if status ~= 'a' then return status, key end
    local state = states[member] or (texts and texts[e] and parse_state(texts[e]))
    local change = change_of(new, was)
    local verdict = verdict_on(rules, state, change, now)
    if verdict then
      local outcome, text = hold_or_refuse(held, rules, verdict, now, id, record)
      reviews = reviews or outcome == 'h'
      return outcome, (old or '') .. '|' .. text
    end
    if timed then
      if not states[member] then changed[#changed + 1] = member end
      states[member] = state_after(rules, state, change, now)
    end
    return status, key, new, was
  end
  return function(done)
    for e, status in ipairs(done.statuses) do
      local kind, id = hold_of(batch, e)
      -- Counted before under its id: it leaves review without counting again.
      if status == 'd' and kind == 'a' and redis.call('HDEL', held, id) == 0 then done.statuses[e] = 'g' end
    end
    if #changed == 0 then return end
    local fields = {}
    for _, member in ipairs(changed) do append_pair(fields, member, state_text(states[member])) end
    local added = redis.call('HSET', states_key, unpack(fields))
    -- Two looked at for each that comes: those that nobody asks for stay about as many as those that count.
    if added > 0 then
      prune_states(call.meta, states_key, now - math.max(rules.interval or 0, BUCKETS * BUCKET_MS), 2 * added + 8)
    end
  end
end
