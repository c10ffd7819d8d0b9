-- Whether a producer's batch is in this shard as this node has it, with a write. The connection's replication offset then covers the
-- batch, so that a WAIT behind this on the same connection speaks of it. A node that was promoted without the batch says so.
--
-- KEYS[1] meta         hash
-- ARGV[1] incarnation  string
-- ARGV[2] producer     string
-- ARGV[3] seq          integer
-- Reply {"present"} | {"absent"}
local meta = KEYS[1]
local incarnation, producer, seq = ARGV[1], ARGV[2], tonumber(ARGV[3])

local state = redis.call('HMGET', meta, 'incarnation', 'p:' .. producer)
local last = state[2] and tonumber(string.match(state[2], '^%d+')) or 0
if state[1] ~= incarnation or last < seq then return { 'absent' } end
redis.call('HSET', meta, 'confirmed', producer)
return { 'present' }
