-- The keys of some members and how many entries of their own shard come before each: one instant for both.
--
-- KEYS[1] entries  zset
-- KEYS[2] meta     hash
-- ARGV[1] incarnation  string
-- ARGV[2] by           "key": strictly better keys only (shared ties); "place": key, then member bytes; "none": keys only
-- ARGV[3...] members   the caller sends at most 64
-- Reply {"ranked", members, n, key or "", count, …} | {"store_lost"}
local entries, meta = KEYS[1], KEYS[2]
local incarnation, by = ARGV[1], ARGV[2]
-- @include "place.lua"

local state = redis.call('HMGET', meta, 'incarnation', 'n')
if state[1] ~= incarnation then return { 'store_lost' } end

local reply = { 'ranked', members_in(entries), state[2] }
for i = 3, #ARGV do
  local key = redis.call('ZSCORE', entries, ARGV[i])
  local count = 0
  if key and by == 'key' then count = count_better(entries, key) end
  if key and by == 'place' then count = redis.call('ZRANK', entries, ARGV[i]) end
  reply[#reply + 1] = key or ''
  reply[#reply + 1] = count
end
return reply
