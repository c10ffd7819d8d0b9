-- Raise the cutoff of one shard: from now on only changes at or above it mark the shard dirty. Raising is always safe, the
-- merger forgets what it knew below [R 6].
--
-- KEYS[1] meta  hash
-- ARGV[1] incarnation  string
-- ARGV[2] token        integer, fencing
-- ARGV[3] cutoff       sort key
-- Flags allow-oom
-- Reply {"raised"} | {"kept"} | {"fenced"} | {"store_lost"}
local meta = KEYS[1]
local incarnation, token, cutoff = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local state = redis.call('HMGET', meta, 'incarnation', 'token', 'cutoff')
if state[1] ~= incarnation then return { 'store_lost' } end
if token < tonumber(state[2]) then return { 'fenced' } end
if tonumber(cutoff) >= tonumber(state[3]) then return { 'kept' } end
redis.call('HSET', meta, 'token', string.format('%.0f', token), 'cutoff', cutoff)
return { 'raised' }
