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
-- ARGV[7] fields       "i" with ids, "m" with metadata, "im" both, "-" neither
-- ARGV[8...] events    member, [idHash], [metadata], then key (best, set) or digit deltas and, where ties pack time, a tie digit (add)
-- Reply {"applied", packed} | {"duplicate", keys} | {"gap", last} | {"store_lost"} | {"season_closed"} | {"overloaded"}
--   packed: "seq n dirty statuses key,key,…": a status per event (a accepted, u unchanged, d duplicate, r rejected); the key as it now
--   is, empty where it is the submitted one or there is none. n is the shard's gapless count of batches that changed it.
local entries, hidden, meta, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ids_now, ids_before, metadata = KEYS[5], KEYS[6], KEYS[7]
local incarnation, producer, seq = ARGV[1], ARGV[2], tonumber(ARGV[3])
local rule, layout, limits, fields = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
-- @include "submit_events.lua"
-- @include "submit_sequence.lua"
-- @include "submit_idempotency.lua"

local state = redis.call('HMGET', meta, 'incarnation', 'state', 'cutoff', 'hidden', 'rotated')
if state[1] ~= incarnation then return { 'store_lost' } end

local batch = read_events(rule, layout, fields)
local replay = check_sequence(meta, producer, seq, entries, batch)
if replay then return replay end
if state[2] ~= 'open' then return { 'season_closed' } end
local now = now_ms()
local known = check_ids(batch, ids_now, ids_before, meta, limits, state[5], now)
if known == 'full' then return { 'overloaded' } end

local olds = redis.call('ZMSCORE', entries, unpack(batch.members))
local in_hidden = state[4] ~= '0' and redis.call('ZMSCORE', hidden, unpack(batch.members))
local cutoff, dirty = tonumber(state[3]), false
local current, statuses, keys = {}, {}, {}
local adds, hidden_adds, lines, new_ids, new_metadata = {}, {}, {}, {}, {}

for e = 1, batch.count do
  local member, id = batch.members[e], batch.ids and batch.ids[e] or ''
  local apart = in_hidden and in_hidden[e]
  local old = current[member] or apart or olds[e]
  local status, key = 'd', old
  if id == '' or not known[id] then
    status, key = batch.apply(e, old)
    if id ~= '' and status ~= 'r' then
      known[id] = true
      new_ids[#new_ids + 1] = id
    end
  end
  if status == 'a' then
    local target = apart and hidden_adds or adds
    target[#target + 1] = key
    target[#target + 1] = member
    lines[#lines + 1] = member .. '\t' .. (old or '') .. '\t' .. key .. '\t' .. id
    current[member] = key
    if not apart and not dirty then
      dirty = tonumber(key) <= cutoff or (old and tonumber(old) <= cutoff)
    end
    if batch.metadata and batch.metadata[e] ~= '' then
      new_metadata[#new_metadata + 1] = member
      new_metadata[#new_metadata + 1] = batch.metadata[e]
    end
  end
  statuses[e] = status
  keys[e] = status == 'a' and rule ~= 'add' and '' or key or ''
end

if #adds > 0 then redis.call('ZADD', entries, unpack(adds)) end
if #hidden_adds > 0 then redis.call('ZADD', hidden, unpack(hidden_adds)) end
if #new_ids > 0 then redis.call('SADD', ids_now, unpack(new_ids)) end
if #new_metadata > 0 then redis.call('HSET', metadata, unpack(new_metadata)) end
local n
if #lines > 0 then
  n = redis.call('HINCRBY', meta, 'n', 1)
  redis.call('XADD', log, 'MAXLEN', '~', log_entries_max(limits), '*', 'n', n, 'd', table.concat(lines, '\n'))
else
  n = tonumber(redis.call('HGET', meta, 'n'))
end
if dirty then redis.call('HINCRBY', meta, 'version', 1) end
local packed = table.concat({ seq, string.format('%.0f', n), dirty and 1 or 0, table.concat(statuses), table.concat(keys, ',') }, ' ')
remember_batch(meta, producer, seq, packed, now, limits)
return { 'applied', packed }
