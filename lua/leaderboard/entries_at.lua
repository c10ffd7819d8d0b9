-- Whole entries of some members of one shard with its count of batches, in one instant: what they are compared with in the archive.
--
-- KEYS[1] entries  zset
-- KEYS[2] hidden   zset  hidden members
-- KEYS[3] meta     hash
-- KEYS[4] places   hash  a mark of each hidden member, behind a carriage return
-- ARGV[1] incarnation  string
-- ARGV[2...] members   the caller sends at most 500
-- Reply {"entries", n, visible key or "", hidden key or "", mark or "", …} | {"store_lost"}
local entries, hidden, meta, places = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local incarnation = ARGV[1]

local state = redis.call('HMGET', meta, 'incarnation', 'n')
if state[1] ~= incarnation then return { 'store_lost' } end
local reply = { 'entries', state[2] }
if #ARGV < 2 then return reply end
local keys, hidden_keys = redis.call('ZMSCORE', entries, unpack(ARGV, 2)), redis.call('ZMSCORE', hidden, unpack(ARGV, 2))
for i = 1, #keys do
  reply[3 * i] = keys[i] or ''
  reply[3 * i + 1] = hidden_keys[i] or ''
  reply[3 * i + 2] = hidden_keys[i] and redis.call('HGET', places, '\r' .. ARGV[i + 1]) or ''
end
return reply
