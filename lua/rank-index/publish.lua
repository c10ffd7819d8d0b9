-- Keep a board's rank index and tell the gateways, if the lease still stands: an index of a merger that was paused must not
-- replace that of its successor.
--
-- KEYS[1] lease  string
-- KEYS[2] index  string  the last frame; empty before the first one
-- ARGV[1] token    integer
-- ARGV[2] channel  sharded pub/sub channel of the same slot
-- ARGV[3] frame    bytes
-- Flags allow-oom
-- Reply {"published"} | {"fenced"}
local lease, index = KEYS[1], KEYS[2]
local token, channel, frame = ARGV[1], ARGV[2], ARGV[3]

if redis.call('GET', lease) ~= token then return { 'fenced' } end
redis.call('SET', index, frame)
redis.call('SPUBLISH', channel, frame)
return { 'published' }
