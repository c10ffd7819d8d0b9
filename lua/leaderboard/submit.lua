-- Apply one batch of submissions to one shard: read old keys, compute, one ZADD, one XADD, dirty mark.
-- Repeats of a member inside the batch see each other. A batch applies once: by producer and sequence [R 2];
-- a submission applies once: by (member, id) [R 5]; only in the season's own life [R 3] while it is open [R 4].
--
-- KEYS[1] entries    zset
-- KEYS[2] hidden     zset
-- KEYS[3] meta       hash
-- KEYS[4] log        stream
-- KEYS[5] idsNow     set
-- KEYS[6] idsBefore  set
-- KEYS[7] metadata   hash
-- ARGV[1] incarnation  string
-- ARGV[2] producer     string
-- ARGV[3] seq          integer, 1 for a producer's first batch to this shard
-- ARGV[4] rule         best | set | add
-- ARGV[5] layout       "tieRadix" and, for add, per column " radix zeroDigit"
-- ARGV[6] limits       "dedupWindowMs idsMax logEntriesMax producerIdleMs"
-- ARGV[7] count        integer, number of events
-- ARGV[8] fields       letters: "i" with ids, "m" with metadata, "r" where a member comes more than once; "-" ends them
-- ARGV[9...] events    the members; with ids the idHashes; with metadata the metadata; then per event its key (best, set), or its
--                      digit deltas and, where ties pack time, a tie digit (add)
-- Reply {"applied", packed} | {"duplicate", keys} | {"gap", last} | {"store_lost"} | {"season_closed"} | {"overloaded"}
--   packed: "seq n dirty statuses key,key,…": a status per event (a accepted, u unchanged, d duplicate, r rejected); the keys as they
--   now are, in order, of those events whose key is not the submitted one, empty where there is none. n is the shard's gapless count
--   of batches that changed it.
local entries, hidden, meta, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ids_now, ids_before, metadata = KEYS[5], KEYS[6], KEYS[7]
local incarnation, producer, seq = ARGV[1], ARGV[2], tonumber(ARGV[3])
local rule, layout, limits, count, fields = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8]
local args = ARGV
-- @include "submit_events.lua"
-- @include "submit_sequence.lua"
-- @include "submit_idempotency.lua"
-- @include "submit_log.lua"

local state = redis.call('HMGET', meta, 'incarnation', 'state', 'cutoff', 'hidden', 'rotated', 'p:' .. producer)
if state[1] ~= incarnation then return { 'store_lost' } end

local batch = read_events(rule, layout, count, fields)
local replay = check_sequence(meta, producer, seq, state[6], entries, batch)
if replay then return replay end
if state[2] ~= 'open' then return { 'season_closed' } end
local now = now_ms()
local known = batch.before_ids and check_ids(batch, ids_now, ids_before, meta, limits, state[5], now)
if known == 'full' then return { 'overloaded' } end

local olds = of_members('ZMSCORE', entries, batch)
local in_hidden = state[4] ~= '0' and of_members('ZMSCORE', hidden, batch)
local cutoff, dirty = tonumber(state[3]), false
-- Tables of what the batch itself has changed, needed only where a member comes again.
local current, used = batch.repeats and {}, batch.repeats and {}
local statuses, keys, told = {}, {}, 0
-- What is added is what is logged, unless some of it is hidden.
local adds, hidden_adds, befores, accepted = {}, {}, {}, 0
local logged = in_hidden and {} or adds
local new_ids, remembered, log_ids, new_metadata = {}, 0, {}, {}
local apply, before_members, before_ids, before_metadata = batch.apply, batch.before_members, batch.before_ids, batch.before_metadata

for e = 1, count do
  local member, id = args[before_members + e], before_ids and args[before_ids + e] or ''
  local apart = in_hidden and in_hidden[e]
  local old = current and current[member] or apart or olds[e]
  local status, key, new, was = 'd', old
  if id == '' or not (known[e] or used and used[id]) then
    status, key, new, was = apply(e, old)
    if id ~= '' and status ~= 'r' then
      remembered = remembered + 1
      new_ids[remembered] = id
      if used then used[id] = true end
    end
  end
  if status == 'a' then
    accepted = accepted + 1
    local pair = 2 * accepted
    logged[pair - 1] = key
    logged[pair] = member
    befores[accepted] = old or ''
    if before_ids then log_ids[accepted] = id end
    if in_hidden then append_pair(apart and hidden_adds or adds, key, member) end
    if current then current[member] = key end
    if not dirty and not apart then dirty = new <= cutoff or (was and was <= cutoff) end
    if before_metadata and args[before_metadata + e] ~= '' then append_pair(new_metadata, member, args[before_metadata + e]) end
  end
  statuses[e] = status
  if status ~= 'a' or rule == 'add' then
    told = told + 1
    keys[told] = key or ''
  end
end

if #adds > 0 then redis.call('ZADD', entries, unpack(adds)) end
if #hidden_adds > 0 then redis.call('ZADD', hidden, unpack(hidden_adds)) end
if remembered > 0 then redis.call('SADD', ids_now, unpack(new_ids)) end
if #new_metadata > 0 then redis.call('HSET', metadata, unpack(new_metadata)) end
local n = write_log(meta, log, limits, logged, befores, before_ids and log_ids)
if dirty then redis.call('HINCRBY', meta, 'version', 1) end
local packed = table.concat({ seq, string.format('%.0f', n), dirty and 1 or 0, table.concat(statuses), table.concat(keys, ',') }, ' ')
remember_batch(meta, producer, seq, packed, now, limits)
return { 'applied', packed }
