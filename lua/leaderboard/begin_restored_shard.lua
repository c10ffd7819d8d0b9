-- Begin to restore one shard of a season from the archive: whatever is under its names goes, every key that a later script names
-- exists [R 1], and no incarnation is written, so that everybody finds the shard lost until open_restored_shard.lua has the last word [R 3].
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
-- ARGV[1] incarnation  string, of the life that begins
-- Reply {"begun"}
local entries, hidden, meta, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ids_now, ids_before, metadata, places = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local rules, held = KEYS[9], KEYS[10]
local incarnation = ARGV[1]

redis.call('UNLINK', entries, hidden, meta, log, ids_now, ids_before, metadata, places, rules, held)
redis.call('HSET', meta, 'restoring', incarnation)
redis.call('ZADD', entries, 'inf', '')
redis.call('ZADD', hidden, 'inf', '')
redis.call('SADD', ids_now, '')
redis.call('SADD', ids_before, '')
redis.call('HSET', metadata, '', '')
redis.call('HSET', places, '', '')
redis.call('HSET', rules, '', '')
redis.call('HSET', held, '', '')
return { 'begun' }
