-- Count the entries of one shard that come before each of some places: the part of an exact rank that other shards answer.
--
-- KEYS[1] entries  zset
-- KEYS[2] meta     hash
-- ARGV[1] incarnation  string
-- ARGV[2] by           "key": strictly better keys only (shared ties); "place": key, then member bytes
-- ARGV[3...] places    key, member (ignored by "key"); the caller sends at most 64, so that Redis is not held for long
-- Reply {"counted", members, n, count, …} | {"store_lost"}
local entries, meta = KEYS[1], KEYS[2]
local incarnation, by = ARGV[1], ARGV[2]
-- @include "place.lua"

local state = redis.call('HMGET', meta, 'incarnation', 'n')
if state[1] ~= incarnation then return { 'store_lost' } end

local reply = { 'counted', members_in(entries), state[2] }
for i = 3, #ARGV, 2 do
  if by == 'key' then
    reply[#reply + 1] = count_better(entries, ARGV[i])
  else
    reply[#reply + 1] = count_before(entries, ARGV[i], ARGV[i + 1])
  end
end
return reply
