-- Note in whose replication histories the shards of a board were when its feed was last known to be in step with them [R 7].
-- Kept with the feed, because a failover is also when one merger takes over from another.
--
-- KEYS[1] lease  string
-- KEYS[2] state  hash
-- ARGV[1] token      integer
-- ARGV[2] histories  string
-- Flags allow-oom
-- Reply {"noted"} | {"fenced"} | {"store_lost"}
local lease, state = KEYS[1], KEYS[2]
local token, histories = ARGV[1], ARGV[2]

if redis.call('GET', lease) ~= token then return { 'fenced' } end
if redis.call('EXISTS', state) == 0 then return { 'store_lost' } end
redis.call('HSET', state, 'histories', histories)
return { 'noted' }
