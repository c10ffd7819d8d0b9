-- The sort keys at some places of one shard, counted from 0: where the rank index may cut a cell that has become too large.
--
-- KEYS[1] entries  zset
-- KEYS[2] meta     hash
-- ARGV[1] incarnation  string
-- ARGV[2...] places    integers; the caller sends at most 256
-- Reply {"keys", "key key …", µs} | {"store_lost"}; a place past the end has the key inf; µs as in count_at
local entries, meta = KEYS[1], KEYS[2]
local incarnation = ARGV[1]
-- @include "stopwatch.lua"

local started = redis.call('TIME')
if redis.call('HGET', meta, 'incarnation') ~= incarnation then return { 'store_lost' } end

local keys = {}
for i = 2, #ARGV do
  local row = redis.call('ZRANGE', entries, ARGV[i], ARGV[i], 'WITHSCORES')
  keys[i - 1] = row[2] or 'inf'
end
return { 'keys', table.concat(keys, ' '), us_since(started) }
