-- Keep a lease that is still one's own.
--
-- KEYS[1] lease  string
-- ARGV[1] token  integer
-- ARGV[2] ttlMs  integer
-- Flags allow-oom
-- Reply {"renewed"} | {"lost"}
local lease = KEYS[1]
local token, ttl_ms = ARGV[1], ARGV[2]

if redis.call('GET', lease) ~= token then return { 'lost' } end
redis.call('PEXPIRE', lease, ttl_ms)
return { 'renewed' }
