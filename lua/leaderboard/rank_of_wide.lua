-- What rank_of.lua does, for one shard of a wide board, whose keys have the form "score rest".
--
-- KEYS[1] entries  zset  rest .. member -> score
-- KEYS[2] meta     hash
-- KEYS[3] places   hash  member -> "score rest"
-- ARGV[1] incarnation  string
-- ARGV[2] by           "key": strictly better keys only (shared ties); "place": key, then member bytes; "none": keys only
-- ARGV[3...] members   the caller sends at most 64
-- Reply {"ranked", members, n, "score rest" or "", count, …} | {"store_lost"}
local entries, meta, places = KEYS[1], KEYS[2], KEYS[3]
local incarnation, by = ARGV[1], ARGV[2]
-- @include "place.lua"

local state = redis.call('HMGET', meta, 'incarnation', 'n')
if state[1] ~= incarnation then return { 'store_lost' } end

local reply = { 'ranked', members_in(entries), state[2] }
for i = 3, #ARGV do
  local key = redis.call('HGET', places, ARGV[i])
  local count = 0
  if key and by ~= 'none' then
    local space = string.find(key, ' ', 1, true)
    local rest = string.sub(key, space + 1)
    -- Nothing of the same columns comes before their bare rest: every entry has its member behind it.
    if by == 'key' then count = count_before(entries, string.sub(key, 1, space - 1), rest) end
    if by == 'place' then count = redis.call('ZRANK', entries, rest .. ARGV[i]) end
  end
  reply[#reply + 1] = key or ''
  reply[#reply + 1] = count
end
return reply
