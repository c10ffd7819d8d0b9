-- Hide members of one shard, make them shadows, or show them again. Their entries are counted nowhere from then on, and what goes out of
-- sight at or above the cutoff marks the shard dirty, so that the merger's next tick takes it out of the top [R 6].
--
-- KEYS[1] entries  zset
-- KEYS[2] hidden   zset
-- KEYS[3] places   hash  with the marks
-- KEYS[4] meta     hash
-- KEYS[5] log      stream
-- ARGV[1] incarnation  string
-- ARGV[2] layout       packed | wide
-- ARGV[3] limits       as for submit.lua
-- ARGV[4] by           board: done to the member here; ban: everywhere, also to members without an entry
-- ARGV[5] sight        0 in sight | 1 hidden | 2 shadow
-- ARGV[6...] members   the caller sends at most 500
-- Reply {"set", n, dirty, mark, key, …} | {"store_lost"}; of each member the mark that it had, and its key or ''
local entries, hidden, places, meta, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local incarnation, layout, limits, by, sight = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
-- @include "sights.lua"
-- @include "shelves.lua"
-- @include "submit_log.lua"
-- @include "direct_log.lua"

local state = redis.call('HMGET', meta, 'incarnation', 'cutoff', 'n', 'logged', 'trimmed')
if state[1] ~= incarnation then return { 'store_lost' } end
local cutoff, dirty = tonumber(state[2]), false

local shelves = shelves_of(layout, entries, hidden, places, meta)
local note_sight, write_sights = log_of_sights()
local bounds, logs = read_log_limits(limits), log_state(state[3], state[4], state[5])
local reply = { 'set', 0, 0 }
for i = 6, #ARGV do
  local member = ARGV[i]
  local key, was = look_up(shelves, member)
  local mark = by == 'ban' and string.sub(was, 1, 1) .. sight or sight .. string.sub(was, 2, 2)
  reply[#reply + 1] = was
  reply[#reply + 1] = key or ''
  -- A mark for a member who is not there would outlive the reason for it; a ban is lifted where it was set.
  if key or by == 'ban' or sight == '0' then
    write_mark(shelves, member, was, mark)
    local before, after = sight_of(was), sight_of(mark)
    if key and (before > 0) ~= (after > 0) then
      take_away(shelves, before, member, key)
      put_down(shelves, after, member, key, false)
      dirty = dirty or reaches(shelves, cutoff, key)
    end
    if key and before ~= after then note_sight(after, member, key) end
  end
end

reply[2] = string.format('%.0f', write_sights(meta, log, bounds, logs))
if dirty then
  redis.call('HINCRBY', meta, 'version', 1)
  reply[3] = 1
end
return reply
