-- Apply one batch of submissions to one shard of a packed board: read old keys, compute, one ZADD, one XADD, dirty mark.
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
-- KEYS[8] places     hash  the marks of hidden members
-- ARGV[1] incarnation  string
-- ARGV[2] producer     string
-- ARGV[3] seq          integer, 1 for a producer's first batch to this shard
-- ARGV[4] rule         best | set | add
-- ARGV[5] layout       "tieRadix" and, for add, per column " radix zeroDigit"
-- ARGV[6] limits       "dedupWindowMs idsMax logEntriesMax logBytesMax gap|refuse producerIdleMs"
-- ARGV[7] count        integer, number of events
-- ARGV[8] fields       letters: "i" with ids, "m" with metadata, "r" where a member comes more than once; "-" ends them
-- ARGV[9...] events    the members; with ids the idHashes; with metadata the metadata; then per event its key (best, set), or its
--                      digit deltas and, where ties pack time, a tie digit (add)
-- Reply {"applied", packed} | {"duplicate", keys} | {"gap", last} | {"store_lost"} | {"season_closed"} | {"overloaded"} | {"log_full"}
--   packed: "seq n dirty statuses key,key,…": a status per event (a accepted, u unchanged, d duplicate, r rejected); the keys as they
--   now are, in order, of those events whose key is not the submitted one, empty where there is none. The status of a hidden member's is
--   a capital letter. n is the shard's gapless count of entries of its log.
local entries, hidden, meta, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ids_now, ids_before, metadata, places = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local incarnation, producer, seq = ARGV[1], ARGV[2], tonumber(ARGV[3])
local rule, layout, limits, count, fields = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8]
-- @include "submit_events.lua"
-- @include "apply_packed.lua"
-- @include "submit_sequence.lua"
-- @include "submit_idempotency.lua"
-- @include "submit_log.lua"
-- @include "sights.lua"
-- @include "direct_log.lua"
-- @include "submit_steps.lua"

local call = { meta = meta, log = log, ids_now = ids_now, ids_before = ids_before, metadata = metadata, incarnation = incarnation,
  producer = producer, seq = seq, limits = limits, read = 'ZMSCORE', keys = entries }
local batch = read_events(rule, layout, count, fields)
local refusal = check_batch(call, batch)
if refusal then return refusal end

local olds = of_members('ZMSCORE', entries, batch)
local in_hidden = call.hides and with_marks(call, batch, places, of_members('ZMSCORE', hidden, batch))
local done = apply_events(call, batch, olds, in_hidden)
write_keys(entries, hidden, done, in_hidden)
return finish_batch(call, done)
