-- The entries of some members of one shard wherever they stand, with their marks: for those who may know what is hidden.
--
-- KEYS[1] entries  zset
-- KEYS[2] hidden   zset
-- KEYS[3] places   hash
-- KEYS[4] meta     hash
-- ARGV[1] incarnation  string
-- ARGV[2] layout       packed | wide
-- ARGV[3...] members   the caller sends at most 500
-- Reply {"found", n, mark, key, …} | {"store_lost"}; the mark "00" of who is in sight; '' without an entry
local entries, hidden, places, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local incarnation, layout = ARGV[1], ARGV[2]
-- @include "sights.lua"
-- @include "shelves.lua"

local state = redis.call('HMGET', meta, 'incarnation', 'n')
if state[1] ~= incarnation then return { 'store_lost' } end

local shelves = shelves_of(layout, entries, hidden, places, meta)
local reply = { 'found', state[2] }
for i = 3, #ARGV do
  local key, mark = look_up(shelves, ARGV[i])
  reply[#reply + 1] = mark
  reply[#reply + 1] = key or ''
end
return reply
