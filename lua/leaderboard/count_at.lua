-- How many entries of one shard are strictly better than each of some sort keys: the rank index's counts at its boundaries.
--
-- KEYS[1] entries  zset
-- KEYS[2] meta     hash
-- ARGV[1] incarnation  string
-- ARGV[2...] keys      sort keys, ascending; the caller sends at most 256, so that Redis is not held for more than about a millisecond
-- Reply {"counted", members, n, "count count …", µs} | {"store_lost"}; µs is how long it took, 0 where the clock stands still in scripts
local entries, meta = KEYS[1], KEYS[2]
local incarnation = ARGV[1]
-- @include "place.lua"
-- @include "stopwatch.lua"

local started = redis.call('TIME')
local state = redis.call('HMGET', meta, 'incarnation', 'n')
if state[1] ~= incarnation then return { 'store_lost' } end

local counts = {}
for i = 2, #ARGV do counts[i - 1] = count_better(entries, ARGV[i]) end
return { 'counted', members_in(entries), state[2], table.concat(counts, ' '), us_since(started) }
