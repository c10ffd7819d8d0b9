-- Take a lease, with a fencing token that only grows: above the last one and, in case a failover lost that, not below the time.
--
-- KEYS[1] lease  string  the holder's token, expires
-- KEYS[2] token  string  the last token given
-- ARGV[1] ttlMs  integer
-- Flags allow-oom
-- Reply {"acquired", token} | {"held"}
local lease, last = KEYS[1], KEYS[2]
local ttl_ms = ARGV[1]

if redis.call('EXISTS', lease) == 1 then return { 'held' } end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local token = string.format('%.0f', math.max(now_ms, tonumber(redis.call('GET', last) or '0') + 1))
redis.call('SET', last, token)
redis.call('SET', lease, token, 'PX', ttl_ms)
return { 'acquired', token }
