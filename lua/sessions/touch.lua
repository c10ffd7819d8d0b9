-- Who a session belongs to, and push its expiry on, never past its hard end.
--
-- KEYS[1] session  hash
-- ARGV[1] idleMs   integer
-- Reply {"live", member, expiresAtMs} | {"unknown"}
local session = KEYS[1]
local idle_ms = tonumber(ARGV[1])

local stored = redis.call('HMGET', session, 'member', 'ends')
if not stored[1] then return { 'unknown' } end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local expires = string.format('%.0f', math.min(now_ms + idle_ms, tonumber(stored[2])))
redis.call('PEXPIREAT', session, expires)
return { 'live', stored[1], expires }
