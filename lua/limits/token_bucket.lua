-- Take tokens from many buckets of one size. A bucket is one number: the time at which it will be full again. A full one needs no
-- entry, so that only buckets in use take memory, and full ones are removed on the way, a bounded number a call. Where the clock went
-- back, a bucket is at worst empty [R 16].
--
-- KEYS[1] buckets     zset     name -> us at which it is full again
-- ARGV[1] burst       integer  tokens of a full bucket
-- ARGV[2] intervalUs  integer  until one token has come back
-- ARGV[3] nowMs       integer, or empty for Redis's own clock
-- ARGV[4…] takes      name, tokens wanted, name, tokens wanted, …: at most 1,000 names, each once
-- Flags allow-oom
-- Reply {"taken", granted, ms until the next token, granted, …}; 0 ms where all were granted
local buckets = KEYS[1]
local burst, interval_us, manual = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
-- @include "limits_clock.lua"

local now = now_us(manual)
local empty = now + burst * interval_us
local names, wants = {}, {}
for i = 4, #ARGV, 2 do
  names[#names + 1] = ARGV[i]
  wants[#wants + 1] = tonumber(ARGV[i + 1])
end
local kept = redis.call('ZMSCORE', buckets, unpack(names))
local reply, changed = { 'taken' }, {}
for i, name in ipairs(names) do
  local wanted = wants[i]
  local stored = tonumber(kept[i] or '0')
  local full = math.min(math.max(stored, now), empty)
  local granted = math.min(wanted, math.floor((empty - full) / interval_us))
  full = full + granted * interval_us
  if granted > 0 or stored > full then
    changed[#changed + 1] = string.format('%.0f', full)
    changed[#changed + 1] = name
  end
  reply[#reply + 1] = granted
  reply[#reply + 1] = granted < wanted and math.ceil((full + interval_us - empty) / 1000) or 0
end
if #changed > 0 then
  redis.call('ZADD', buckets, unpack(changed))
  redis.call('PEXPIRE', buckets, math.ceil(burst * interval_us / 1000) + 1000)
end
local over = redis.call('ZCOUNT', buckets, '-inf', now)
if over > 0 then redis.call('ZREMRANGEBYRANK', buckets, 0, math.min(over, 100 + 2 * #names) - 1) end
return reply
