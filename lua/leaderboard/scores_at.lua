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

local state = redis.call('HMGET', meta, 'incarnation', 'n')
if state[1] ~= incarnation then return { 'store_lost' } end
local keys = #ARGV > 1 and redis.call('ZMSCORE', entries, unpack(ARGV, 2))
local reply = { 'places', state[2] }
for i = 1, #ARGV - 1 do reply[i + 2] = keys[i] or '' end
return reply
