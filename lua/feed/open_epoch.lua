-- Begin a fresh epoch of a feed, bound to this Redis's replication history: what was acknowledged before may have been lost, so
-- every receiver must take a snapshot. Offsets go on; positions before the epoch's start cannot be resumed.
--
-- KEYS[1] lease  string
-- KEYS[2] state  hash
-- ARGV[1] token    integer
-- ARGV[2] epoch    string, random
-- ARGV[3] channel  sharded pub/sub channel of the same slot
-- Flags allow-oom
-- Reply {"opened", offset} | {"fenced"} | {"store_lost"}
local lease, state = KEYS[1], KEYS[2]
local token, epoch, channel = ARGV[1], ARGV[2], ARGV[3]
-- @include "replid.lua"

if redis.call('GET', lease) ~= token then return { 'fenced' } end
local offset = redis.call('HGET', state, 'offset')
if not offset then return { 'store_lost' } end
redis.call('HSET', state, 'epoch', epoch, 'start', offset, 'replid', replid())
redis.call('SPUBLISH', channel, '{"epoch":"' .. epoch .. '","offset":' .. offset .. '}')
return { 'opened', offset }
