-- Delete the entries of members of one shard, hidden ones too. What was done to them on this board ends with the entry, a ban's mark stays.
-- A removed entry at or above the cutoff marks the shard dirty [R 6].
--
-- KEYS[1] entries   zset
-- KEYS[2] hidden    zset
-- KEYS[3] places    hash
-- KEYS[4] meta      hash
-- KEYS[5] log       stream
-- KEYS[6] metadata  hash
-- ARGV[1] incarnation  string
-- ARGV[2] layout       packed | wide
-- ARGV[3] limits       as for submit.lua
-- ARGV[4...] members   the caller sends at most 500
-- Reply {"removed", n, dirty, mark, key, metadata, …} | {"store_lost"}; of each member what it had, '' for nothing
local entries, hidden, places, meta, log, metadata = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local incarnation, layout, limits = ARGV[1], ARGV[2], ARGV[3]
-- @include "sights.lua"
-- @include "shelves.lua"
-- @include "submit_log.lua"
-- @include "direct_log.lua"

local state = redis.call('HMGET', meta, 'incarnation', 'cutoff', 'n', 'logged', 'trimmed')
if state[1] ~= incarnation then return { 'store_lost' } end
local cutoff, dirty = tonumber(state[2]), false

local shelves = shelves_of(layout, entries, hidden, places, meta)
local bounds, logs = read_log_limits(limits), log_state(state[3], state[4], state[5])
local reply, logged, befores = { 'removed', 0, 0 }, {}, {}
for i = 4, #ARGV do
  local member = ARGV[i]
  local key, was = look_up(shelves, member)
  reply[#reply + 1] = was
  reply[#reply + 1] = key or ''
  reply[#reply + 1] = redis.call('HGET', metadata, member) or ''
  if key then
    local sight = sight_of(was)
    take_away(shelves, sight, member, key)
    write_mark(shelves, member, was, '0' .. string.sub(was, 2, 2))
    redis.call('HDEL', metadata, member)
    dirty = dirty or (sight == 0 and reaches(shelves, cutoff, key))
    append_pair(logged, '', member)
    befores[#befores + 1] = key
  end
end

reply[2] = string.format('%.0f', write_direct(meta, log, bounds, logs, { kind = 'remove', logged = logged, befores = befores }))
if dirty then
  redis.call('HINCRBY', meta, 'version', 1)
  reply[3] = 1
end
return reply
