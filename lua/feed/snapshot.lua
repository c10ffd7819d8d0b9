-- The published top with its position: one instant.
--
-- KEYS[1] state  hash
-- KEYS[2] top    zset
-- ARGV[1] incarnation  string
-- Reply {"snapshot", epoch, offset, total, whole, member, score, …} | {"store_lost"}; whole is 0 after a change of the
--   replication history that no merger has answered with a fresh epoch yet
local state, top = KEYS[1], KEYS[2]
local incarnation = ARGV[1]
-- @include "replid.lua"

local now = redis.call('HMGET', state, 'incarnation', 'epoch', 'offset', 'total', 'replid')
if now[1] ~= incarnation then return { 'store_lost' } end
local reply = { 'snapshot', now[2], now[3], now[4], now[5] == replid() and 1 or 0 }
-- The last row is the placeholder.
local rows = redis.call('ZRANGE', top, 0, -2, 'WITHSCORES')
for i = 1, #rows do reply[#reply + 1] = rows[i] end
return reply
