-- All sort keys of a shard that has few: the rank index then counts it itself, at whatever keys, without another call.
--
-- KEYS[1] entries  zset
-- KEYS[2] meta     hash
-- ARGV[1] incarnation  string
-- ARGV[2] most         integer  of keys, at most 256
-- Reply {"all", members, n, "key key …", µs} | {"store_lost"}; no key where there are more than `most`; µs as in count_at
local entries, meta = KEYS[1], KEYS[2]
local incarnation, most = ARGV[1], tonumber(ARGV[2])
-- @include "place.lua"
-- @include "stopwatch.lua"

local started = redis.call('TIME')
local state = redis.call('HMGET', meta, 'incarnation', 'n')
if state[1] ~= incarnation then return { 'store_lost' } end

local members, keys = members_in(entries), {}
if members > most then return { 'all', members, state[2], '', us_since(started) } end
-- The placeholder is last.
local rows = redis.call('ZRANGE', entries, 0, most, 'WITHSCORES')
for i = 1, members do keys[i] = rows[2 * i] end
return { 'all', members, state[2], table.concat(keys, ' '), us_since(started) }
