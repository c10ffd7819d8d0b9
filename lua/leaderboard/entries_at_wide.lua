-- What entries_at.lua does, for one shard of a wide board. A visible key counts only if the entry stands where it says.
--
-- KEYS[1] entries  zset  rest .. member -> score
-- KEYS[2] places   hash  member -> "score rest", hidden members behind a line feed, marks behind a carriage return
-- KEYS[3] meta     hash
-- ARGV[1] incarnation  string
-- ARGV[2] restLength   letters of the rest
-- ARGV[3...] members   the caller sends at most 500
-- Reply {"entries", n, visible key or "", hidden key or "", mark or "", …} | {"store_lost"}
local entries, places, meta = KEYS[1], KEYS[2], KEYS[3]
local incarnation, rest_length = ARGV[1], tonumber(ARGV[2])

local state = redis.call('HMGET', meta, 'incarnation', 'n')
if state[1] ~= incarnation then return { 'store_lost' } end
local reply = { 'entries', state[2] }
for i = 3, #ARGV do
  local member = ARGV[i]
  local found = redis.call('HMGET', places, member, '\n' .. member, '\r' .. member)
  local key = found[1] or ''
  local score = key ~= '' and redis.call('ZSCORE', entries, string.sub(key, #key - rest_length + 1) .. member)
  if not score or tonumber(score) ~= tonumber(string.sub(key, 1, #key - rest_length - 1)) then key = '' end
  reply[3 * i - 6] = key
  reply[3 * i - 5] = found[2] or ''
  reply[3 * i - 4] = found[3] or ''
end
return reply
