-- One page of a shard's members with their keys and metadata, and the shard's n at that moment: what the page says is at least of batch n [R 13].
-- A scan that began at the cursor 0 and has come back to it has seen everybody who was there all the time.
--
-- KEYS[1] members   zset, or on wide boards the hash of places
-- KEYS[2] meta      hash
-- KEYS[3] metadata  hash
-- KEYS[4] places    hash, with the marks of who is hidden (include/shelves.lua)
-- ARGV[1] incarnation  string
-- ARGV[2] shelf        entries | hidden | places, all of a wide board's
-- ARGV[3] cursor       string
-- ARGV[4] count        integer
-- Reply {"page", cursor, n, members, keys, sights, metadata} | {"store_lost"}; sights: 0 seen by everybody, 1 by nobody, 2 by the member
local members, meta, metadata, places = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local incarnation, shelf, cursor, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- @include "sights.lua"

local state = redis.call('HMGET', meta, 'incarnation', 'n')
if state[1] ~= incarnation then return { 'store_lost' } end
local page = redis.call(shelf == 'places' and 'HSCAN' or 'ZSCAN', members, cursor, 'COUNT', count)
local found, keys, sights, hidden = {}, {}, {}, {}
for i = 1, #page[2], 2 do
  local member, is_hidden = page[2][i], shelf == 'hidden'
  if string.sub(member, 1, 1) == '\n' then member, is_hidden = string.sub(member, 2), true end
  if member ~= '' and string.sub(member, 1, 1) ~= '\r' then
    found[#found + 1] = member
    keys[#found] = page[2][i + 1]
    sights[#found] = 0
    if is_hidden then hidden[#hidden + 1] = #found end
  end
end
for _, i in ipairs(hidden) do sights[i] = sight_of(redis.call('HGET', places, '\r' .. found[i]) or '10') end
local texts = #found > 0 and redis.call('HMGET', metadata, unpack(found)) or {}
return { 'page', page[1], state[2], found, keys, sights, texts }
