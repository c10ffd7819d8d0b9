-- Give a lease back, if it is still one's own.
--
-- KEYS[1] lease  string
-- ARGV[1] token  integer
-- Flags allow-oom
-- Reply {"released"} | {"lost"}
local lease = KEYS[1]
local token = ARGV[1]

if redis.call('GET', lease) ~= token then return { 'lost' } end
redis.call('DEL', lease)
return { 'released' }
