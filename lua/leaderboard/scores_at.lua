-- The sort keys of some members of one shard, and its count of batches so far: one instant, so that a place can be told apart from
-- an older one of the same member. For packed boards.
--
-- KEYS[1] entries  zset
-- KEYS[2] meta     hash
-- ARGV[1] incarnation  string
-- ARGV[2...] members   the caller sends at most 500
-- Reply {"places", n, key or "", …} | {"store_lost"}
local entries, meta = KEYS[1], KEYS[2]
local incarnation = ARGV[1]
-- @include "places_reply.lua"

return places_reply('ZMSCORE', entries, meta, incarnation)
