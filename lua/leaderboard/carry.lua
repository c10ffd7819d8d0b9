-- Take over a page of entries from a frozen shard of the season before, once: by the mark that the page follows. Logged as carry.
--
-- KEYS[1] entries  zset  member -> sort key
-- KEYS[2] hidden   zset
-- KEYS[3] meta     hash
-- KEYS[4] log      stream
-- KEYS[5] places   hash  the marks of hidden members
-- ARGV[1] incarnation  string
-- ARGV[2] mark         field of meta that says up to where a shard of the season before has been carried
-- ARGV[3] expected     its value, empty before the first page
-- ARGV[4] after        its value after this page
-- ARGV[5] rule         best | set | add
-- ARGV[6] layout       as for submit.lua
-- ARGV[7] limits       as for submit.lua
-- ARGV[8] count        integer, number of events; none still moves the mark
-- ARGV[9...] events    the members; then per event its key (best, set), or its digit deltas and tie digit (add)
-- Reply {"carried", accepted} | {"elsewhere", mark as it is} | {"store_lost"} | {"season_closed"} | {"log_full"}
local entries, hidden, meta, log, places = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local incarnation, mark, expected, after = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local rule, layout, limits, count = ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
-- @include "submit_events.lua"
-- @include "apply_packed.lua"
-- @include "submit_sequence.lua"
-- @include "submit_idempotency.lua"
-- @include "submit_log.lua"
-- @include "sights.lua"
-- @include "direct_log.lua"
-- @include "submit_steps.lua"
-- @include "carry_steps.lua"

local call = { meta = meta, log = log, incarnation = incarnation, limits = limits, mark = mark, expected = expected, after = after }
local refusal = check_page(call)
if refusal then return refusal end

local batch = read_events(rule, layout, count, '-')
if rule == 'set' then only_absent(batch) end
local olds = count > 0 and of_members('ZMSCORE', entries, batch)
local in_hidden = count > 0 and call.hides and with_marks(call, batch, places, of_members('ZMSCORE', hidden, batch))
local done = apply_events(call, batch, olds, in_hidden)
write_keys(entries, hidden, done, in_hidden)
return finish_page(call, done)
