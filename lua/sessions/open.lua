-- Store a session under the hash of its secret, with a sliding expiry and a hard end.
--
-- KEYS[1] session  hash
-- ARGV[1] member   string
-- ARGV[2] idleMs   integer, the sliding expiry
-- ARGV[3] maxMs    integer, the hard maximum age
-- Reply {"opened", expiresAtMs}
local session = KEYS[1]
local member, idle_ms, max_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', session, 'member', member, 'ends', string.format('%.0f', now_ms + max_ms))
local expires = string.format('%.0f', now_ms + math.min(idle_ms, max_ms))
redis.call('PEXPIREAT', session, expires)
return { 'opened', expires }
