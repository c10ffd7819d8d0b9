-- Count one request in a window that began with the first one. What is refused is not counted. Where the clock went back, the
-- window's end comes nearer and its count stays [R 16].
--
-- KEYS[1] window    hash     n, until (ms); expires with the window
-- ARGV[1] limit     integer  requests of one window
-- ARGV[2] windowMs  integer
-- ARGV[3] nowMs     integer, or empty for Redis's own clock
-- Flags allow-oom
-- Reply {"taken" | "refused", left, ms until the window ends}
local window = KEYS[1]
local limit, window_ms, manual = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
-- @include "limits_clock.lua"

local now = math.floor(now_us(manual) / 1000)
local kept = redis.call('HMGET', window, 'until', 'n')
local ends, n = tonumber(kept[1] or '0'), tonumber(kept[2] or '0')
if ends <= now then ends, n = now + window_ms, 0 end
local limited = n >= limit
if n == 0 or ends > now + window_ms then
  ends = math.min(ends, now + window_ms)
  redis.call('HSET', window, 'until', string.format('%.0f', ends), 'n', n)
  redis.call('PEXPIRE', window, window_ms)
end
if limited then return { 'refused', 0, ends - now } end
redis.call('HINCRBY', window, 'n', 1)
return { 'taken', limit - n - 1, ends - now }
