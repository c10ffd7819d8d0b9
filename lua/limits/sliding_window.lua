-- Take one of `limit` attempts of any span of `windowMs`. Only accepted attempts are kept, so that there are never more than `limit` of
-- them. Where the clock went back, attempts that lie ahead of it are pulled to the present by the next refusal: nobody waits longer than
-- one window [R 16].
--
-- KEYS[1] attempts  zset     id -> ms
-- ARGV[1] limit     integer
-- ARGV[2] windowMs  integer
-- ARGV[3] id        string   of this attempt, like no other
-- ARGV[4] nowMs     integer, or empty for Redis's own clock
-- Reply {"taken", left} | {"refused", ms until there is room}
local attempts = KEYS[1]
local limit, window_ms, id, manual = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
-- @include "limits_clock.lua"

local now = math.floor(now_us(manual) / 1000)
redis.call('ZREMRANGEBYSCORE', attempts, '-inf', now - window_ms)
local held = redis.call('ZCARD', attempts)
if held < limit then
  redis.call('ZADD', attempts, now, id)
  redis.call('PEXPIRE', attempts, window_ms)
  return { 'taken', limit - held - 1 }
end
local ahead = redis.call('ZRANGE', attempts, '(' .. string.format('%.0f', now), '+inf', 'BYSCORE')
for i = 1, #ahead do redis.call('ZADD', attempts, 'XX', now, ahead[i]) end
if #ahead > 0 then redis.call('PEXPIRE', attempts, window_ms) end
-- A limit that was lowered leaves more than one to wait for.
local last = redis.call('ZRANGE', attempts, held - limit, held - limit, 'WITHSCORES')
return { 'refused', tonumber(last[2]) + window_ms - now }
