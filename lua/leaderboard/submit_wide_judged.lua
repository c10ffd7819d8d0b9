-- What submit_wide.lua does, on a board with score rules: the same steps, with each event judged by the rules as they are now, and held for
-- review where the board says so. A script of its own, so that boards without rules pay nothing for them.
--
-- KEYS[1] entries    zset
-- KEYS[2] places     hash  member -> "score rest"; hidden members behind a line feed
-- KEYS[3] meta       hash
-- KEYS[4] log        stream
-- KEYS[5] idsNow     set
-- KEYS[6] idsBefore  set
-- KEYS[7] metadata   hash
-- KEYS[8] rules      hash  member -> what the rules remember of it
-- KEYS[9] held       hash  id -> "rule value waitMs heldAtMs record"
-- ARGV[1] incarnation  string
-- ARGV[2] producer     string
-- ARGV[3] seq          integer [R 2]
-- ARGV[4] rule         best | set | add
-- ARGV[5] layout       as for submit_wide.lua
-- ARGV[6] limits       "dedupWindowMs idsMax logEntriesMax logBytesMax gap|refuse producerIdleMs"
-- ARGV[7] count        integer, number of events
-- ARGV[8] fields       letters as for submit.lua, "h" with holds; behind the "-" the rules (include/submit_rules.lua)
-- ARGV[9...] events    as for submit_wide.lua; the holds behind the metadata
-- Reply as that of submit.lua, with more statuses: v violates a rule, h held for review, g approved but not held any more. The key of
--   v and h ends in "|rule value waitMs", and " full" where no more may be held.
local entries, places, meta, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ids_now, ids_before, metadata = KEYS[5], KEYS[6], KEYS[7]
local states, held = KEYS[8], KEYS[9]
local incarnation, producer, seq = ARGV[1], ARGV[2], tonumber(ARGV[3])
local rule, layout, limits, count, fields = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8]
-- @include "place.lua"
-- @include "submit_events.lua"
-- @include "apply_wide.lua"
-- @include "submit_sequence.lua"
-- @include "submit_idempotency.lua"
-- @include "submit_log.lua"
-- @include "sights.lua"
-- @include "direct_log.lua"
-- @include "submit_steps.lua"
-- @include "submit_rules.lua"

local call = { meta = meta, log = log, ids_now = ids_now, ids_before = ids_before, metadata = metadata, incarnation = incarnation,
  producer = producer, seq = seq, limits = limits, read = 'HMGET', keys = places }
local batch = read_events(rule, layout, count, fields)
local refusal = check_batch(call, batch)
if refusal then return refusal end
local judged = judge_batch(call, batch, states, held, read_rules(fields))

local olds = of_members('HMGET', places, batch)
local in_hidden = call.hides and with_marks(call, batch, places, hidden_places(places, batch))
local done = apply_events(call, batch, olds, in_hidden)
write_places(entries, places, batch, done, olds, in_hidden)
judged(done)
return finish_batch(call, done)
