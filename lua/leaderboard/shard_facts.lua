-- What one shard holds, for an operator's look: how much is in it, and what each of its keys takes. Changes nothing.
--
-- KEYS[1] entries    zset
-- KEYS[2] hidden     zset
-- KEYS[3] meta       hash
-- KEYS[4] log        stream
-- KEYS[5] idsNow     set
-- KEYS[6] idsBefore  set
-- KEYS[7] metadata   hash
-- KEYS[8] places     hash
-- KEYS[9] rules      hash
-- KEYS[10] held      hash
-- ARGV[1] incarnation  string
-- Reply {"facts", n, members, hidden, held, log, bytes of each key in this order} | {"store_lost"}
local entries, hidden, meta, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ids_now, ids_before, metadata, places = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local rules, held = KEYS[9], KEYS[10]
local incarnation = ARGV[1]

if redis.call('HGET', meta, 'incarnation') ~= incarnation then return { 'store_lost' } end

-- Shards of older versions may lack the last two keys; each of the others has one placeholder.
local held_count = math.max(0, redis.call('HLEN', held) - 1)
local reply = {
  'facts', redis.call('HGET', meta, 'n'), redis.call('ZCARD', entries) - 1, redis.call('ZCARD', hidden) - 1,
  held_count, redis.call('XLEN', log),
}
for _, key in ipairs({ entries, hidden, meta, log, ids_now, ids_before, metadata, places, rules, held }) do
  -- From five elements of each: it takes microseconds, however large the key is.
  reply[#reply + 1] = redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 5) or 0
end
return reply
