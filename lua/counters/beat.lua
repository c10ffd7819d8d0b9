-- What a process says of its connections, until it says so again or the time is over. Beats that are over go, and the peaks rise to
-- the new sum; they never fall. At the memory limit it goes on: it holds a field for each process, and takes away those that are over.
--
-- KEYS[1] beats    hash  process -> "untilMs connections players", expires
-- KEYS[2] peak     hash  connections, atMs
-- KEYS[3] dayPeak  hash  connections, atMs, expires
-- ARGV[1] process      string
-- ARGV[2] ttlMs        integer; 0: the process has nothing to say any more
-- ARGV[3] connections  integer
-- ARGV[4] players      integer
-- ARGV[5] dayEndsMs    integer, when the day's peak is forgotten, in ms since the Unix epoch
-- Flags allow-oom
-- Reply {"connected", connections, players, processes}
local beats, peak, day_peak = KEYS[1], KEYS[2], KEYS[3]
local process, ttl_ms, connections, players, day_ends_ms =
  ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
-- @include "beats.lua"

local now = now_ms()
if ttl_ms > 0 then
  local ends = string.format('%.0f', now + ttl_ms)
  redis.call('HSET', beats, process, ends .. ' ' .. connections .. ' ' .. players)
else
  redis.call('HDEL', beats, process)
end
local sums = connected(beats, now)
if #sums.expired > 0 then redis.call('HDEL', beats, unpack(sums.expired)) end
if sums.ends > 0 then redis.call('PEXPIREAT', beats, string.format('%.0f', sums.ends)) end

local function raise(key)
  if sums.connections <= tonumber(redis.call('HGET', key, 'connections') or '0') then return end
  redis.call('HSET', key, 'connections', sums.connections, 'atMs', string.format('%.0f', now))
end
raise(peak)
raise(day_peak)
redis.call('PEXPIREAT', day_peak, day_ends_ms)
return connected_reply(sums)
