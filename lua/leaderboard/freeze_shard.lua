-- Close one shard of a season that is over: from here on no submission changes it [R 4]. Freezing again changes nothing.
--
-- KEYS[1] meta     hash
-- KEYS[2] entries  zset
-- ARGV[1] incarnation  string
-- Flags allow-oom
-- Reply {"frozen", n, members} | {"store_lost"}
local meta, entries = KEYS[1], KEYS[2]
local incarnation = ARGV[1]
-- @include "place.lua"

if redis.call('HGET', meta, 'incarnation') ~= incarnation then return { 'store_lost' } end
redis.call('HSET', meta, 'state', 'closed')
return { 'frozen', redis.call('HGET', meta, 'n'), members_in(entries) }
