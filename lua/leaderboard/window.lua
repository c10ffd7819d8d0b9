-- The entries of one shard round a place, and how many come before it. The place need not be taken.
--
-- KEYS[1] entries  zset
-- KEYS[2] meta     hash
-- ARGV[1] incarnation  string
-- ARGV[2] key          sort key of the place, or -inf for the top
-- ARGV[3] member       member of the place
-- ARGV[4] before       most entries before the place, 0 to 1000
-- ARGV[5] after        most entries from the place on, 0 to 1001
-- Reply {"window", members, count before the place, index of the first row, member, key, …} | {"store_lost"}
local entries, meta = KEYS[1], KEYS[2]
local incarnation, key, member = ARGV[1], ARGV[2], ARGV[3]
local before, after = tonumber(ARGV[4]), tonumber(ARGV[5])
-- @include "place.lua"

if redis.call('HGET', meta, 'incarnation') ~= incarnation then return { 'store_lost' } end

local members = members_in(entries)
local place = key == '-inf' and 0 or count_before(entries, key, member)
local first = math.max(0, place - before)
local last = math.min(members, place + after) - 1
local reply = { 'window', members, place, first }
if last >= first then
  local rows = redis.call('ZRANGE', entries, first, last, 'WITHSCORES')
  for i = 1, #rows do reply[#reply + 1] = rows[i] end
end
return reply
