-- What scores_at.lua does, for one shard of a wide board, whose keys have the form "score rest".
--
-- KEYS[1] places  hash  member -> "score rest"
-- KEYS[2] meta    hash
-- ARGV[1] incarnation  string
-- ARGV[2...] members   the caller sends at most 500
-- Reply {"places", n, "score rest" or "", …} | {"store_lost"}
local places, meta = KEYS[1], KEYS[2]
local incarnation = ARGV[1]
-- @include "places_reply.lua"

return places_reply('HMGET', places, meta, incarnation)
