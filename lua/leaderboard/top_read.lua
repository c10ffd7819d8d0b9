-- Read what is better than the cutoff from one shard, for the merger. The only script that may lower the cutoff, because it
-- reads in the same call: between a lowering and a later read, a change below the old cutoff would go unmarked [R 6].
-- "Lower" means worse entries are let in: the number grows, as smaller keys are better.
--
-- KEYS[1] entries  zset
-- KEYS[2] meta     hash
-- ARGV[1] incarnation  string
-- ARGV[2] token        integer, the merger's fencing token; the highest seen is kept and a lower one refused
-- ARGV[3] cutoff       sort key or inf
-- ARGV[4] betterMax    most rows strictly better than the cutoff
-- ARGV[5] tiedMax      most rows of the tie group at the cutoff
-- Flags allow-oom
-- Reply {"read", version, n, members, better, tied} | {"fenced"} | {"store_lost"}; better and tied: "member\nkey\nmember\nkey…"
local entries, meta = KEYS[1], KEYS[2]
local incarnation, token, cutoff = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local better_max, tied_max = tonumber(ARGV[4]), tonumber(ARGV[5])
-- @include "place.lua"

local state = redis.call('HMGET', meta, 'incarnation', 'token', 'version', 'n')
if state[1] ~= incarnation then return { 'store_lost' } end
if token < tonumber(state[2]) then return { 'fenced' } end
redis.call('HSET', meta, 'token', string.format('%.0f', token), 'cutoff', cutoff)

-- One text for all rows: a client takes it apart in a tenth of the time that it needs for a reply of as many elements.
local function rows(low, high, limit)
  if limit <= 0 then return '' end
  return table.concat(redis.call('ZRANGE', entries, low, high, 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES'), '\n')
end
local better = rows('-inf', '(' .. cutoff, better_max)
-- At +inf stands only the placeholder.
local tied = cutoff ~= 'inf' and rows(cutoff, cutoff, tied_max) or ''
return { 'read', state[3], state[4], members_in(entries), better, tied }
