-- Open one shard of a season: every key that a later script names exists from here on [R 1], and the
-- incarnation is written [R 3]. Opening again with the same incarnation changes nothing.
--
-- KEYS[1] entries    zset  member -> sort key
-- KEYS[2] hidden     zset  hidden members
-- KEYS[3] meta       hash
-- KEYS[4] log        stream
-- KEYS[5] idsNow     set   hashes of (member, id), running dedup window
-- KEYS[6] idsBefore  set   the window before
-- KEYS[7] metadata   hash  member -> metadata
-- KEYS[8] places     hash  member -> "score rest", on wide boards
-- KEYS[9] rules      hash  member -> what the score rules remember of it
-- KEYS[10] held      hash  submissions held for review, by id
-- ARGV[1] incarnation  string
-- Reply {"opened"} | {"already"} | {"foreign", incarnation}
local entries, hidden, meta, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ids_now, ids_before, metadata, places = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local rules, held = KEYS[9], KEYS[10]
local incarnation = ARGV[1]

local present = redis.call('HGET', meta, 'incarnation')
if present == incarnation then return { 'already' } end
if present then return { 'foreign', present } end

-- What an earlier, incomplete life left under these names must not be counted into this one.
redis.call('UNLINK', entries, hidden, meta, log, ids_now, ids_before, metadata, places, rules, held)

-- Placeholders: the empty member at +inf is outside of every finite range and never counted.
redis.call('ZADD', entries, 'inf', '')
redis.call('ZADD', hidden, 'inf', '')
redis.call('SADD', ids_now, '')
redis.call('SADD', ids_before, '')
redis.call('HSET', metadata, '', '')
redis.call('HSET', places, '', '')
redis.call('HSET', rules, '', '')
redis.call('HSET', held, '', '')
redis.call('XADD', log, '*', 'n', '0', 'd', '')
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', meta, 'incarnation', incarnation, 'state', 'open', 'n', '0', 'version', '0',
  'cutoff', 'inf', 'hidden', '0', 'token', '0', 'rotated', string.format('%.0f', now_ms))
return { 'opened' }
