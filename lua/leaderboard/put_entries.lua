-- Give members of one shard the keys that they are to have, whatever the operator: adjusted, restored, carried over or imported. Who is
-- hidden stays hidden with the new key. No id is remembered and no rule judges. What reaches the cutoff marks the shard dirty [R 6].
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
-- ARGV[4] options      letters: "a" only members who are absent, "b" only keys that are better, "c" a key with the same columns stays, "o" only
--   while the season is open, "d" tells and writes nothing, "m" with metadata, "v" with marks; "-" ends them, and behind it stands what of
--   a key "b" and "c" leave out as the tie time (include/better.lua)
-- ARGV[5] count        integer, number of members
-- ARGV[6...] entries   the members; their keys; with "m" their metadata; with "v" their marks, empty to leave it as it is, "-" in it for a digit that stays. A
--   member that comes again is looked at again; the log has each of its keys, and behind them who sees it in the end, with its last key
-- Reply {"put", n, dirty, outcomes, before, …} | {"store_lost"} | {"season_closed"} | {"log_full"}; outcomes: a letter a member (p put, s it had this
--   key already, k kept because it was there, or better); before: the key that it had, or ''
local entries, hidden, places, meta, log, metadata = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local incarnation, layout, limits, options, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
-- @include "sights.lua"
-- @include "shelves.lua"
-- @include "better.lua"
-- @include "submit_log.lua"
-- @include "direct_log.lua"

local function asks(letter) return string.find(options, letter, 1, true) end
local function blended(mark, was)
  return (string.gsub(mark, '()%-', function(at) return string.sub(was, at, at) end))
end

local state = redis.call('HMGET', meta, 'incarnation', 'cutoff', 'n', 'logged', 'trimmed', 'state')
if state[1] ~= incarnation then return { 'store_lost' } end
if asks('o') and state[6] ~= 'open' then return { 'season_closed' } end
local cutoff = tonumber(state[2])
local only_absent, only_better, same_stays, writes = asks('a'), asks('b'), asks('c'), not asks('d')
local order_of = (only_better or same_stays) and comparer_of(layout == 'wide', tonumber(string.match(options, '%d+')))
local before_metadata = asks('m') and 5 + 2 * count
local before_marks = asks('v') and 5 + (before_metadata and 3 or 2) * count

local shelves = shelves_of(layout, entries, hidden, places, meta)
local note_sight, write_sights = log_of_sights()
local bounds, logs = read_log_limits(limits), log_state(state[3], state[4], state[5])
if writes and log_is_full(log, bounds, logs) then return { 'log_full' } end
local dirty, outcomes, reply = false, {}, { 'put', 0, 0, '' }
local logged, befores, logged_metadata, brings = {}, {}, {}, false
-- By member: who sees it by what the log says so far, by what it is to say, and the key to say it with.
local seen, sights, keys, members = {}, {}, {}, {}

for i = 1, count do
  local member, key = ARGV[i + 5], ARGV[i + count + 5]
  local old, was = look_up(shelves, member)
  reply[4 + i] = old or ''
  local order = old and order_of and order_of(key, old)
  if order == 0 then key = old end
  if old and (only_absent or (only_better and order >= 0)) then
    outcomes[i] = order == 0 and 's' or 'k'
  elseif not writes then
    outcomes[i] = old == key and 's' or 'p'
  else
    local mark = before_marks and ARGV[before_marks + i] ~= '' and blended(ARGV[before_marks + i], was) or was
    local sight, sight_before = sight_of(mark), sight_of(was)
    write_mark(shelves, member, was, mark)
    local moves = (sight > 0) ~= (sight_before > 0)
    if old and moves then take_away(shelves, sight_before, member, old) end
    if old ~= key or moves then put_down(shelves, sight, member, key, not moves and old) end
    if sight == 0 and (old ~= key or moves) then dirty = dirty or reaches(shelves, cutoff, key) end
    if old and sight_before == 0 and (old ~= key or moves) then dirty = dirty or reaches(shelves, cutoff, old) end
    local text = before_metadata and ARGV[before_metadata + i] or ''
    if text ~= '' then redis.call('HSET', metadata, member, text) end
    outcomes[i] = old == key and 's' or 'p'
    if old ~= key or text ~= '' then
      append_pair(logged, key, member)
      befores[#befores + 1] = old or ''
      logged_metadata[#befores] = text
      brings = brings or text ~= ''
    end
    if not seen[member] then
      members[#members + 1] = member
      -- Who has no entry comes into sight by the log's put.
      seen[member] = old and sight_before or 0
    end
    sights[member], keys[member] = sight, key
  end
end

write_direct(meta, log, bounds, logs, { kind = 'put', logged = logged, befores = befores, log_metadata = brings and logged_metadata })
for _, member in ipairs(members) do
  if sights[member] ~= seen[member] then note_sight(sights[member], member, keys[member]) end
end
local n = write_sights(meta, log, bounds, logs)
if dirty then redis.call('HINCRBY', meta, 'version', 1) end
reply[2], reply[3], reply[4] = string.format('%.0f', n), dirty and 1 or 0, table.concat(outcomes)
return reply
