-- The last step of restoring a shard: when everything is there that the archive gave, it gets its count of batches and the incarnation
-- of its new life, from which on it takes submissions [R 3]. Again with the same incarnation changes nothing.
--
-- KEYS[1] entries    zset
-- KEYS[2] hidden     zset
-- KEYS[3] meta       hash
-- KEYS[4] log        stream
-- KEYS[5] places     hash  a mark of each hidden member; on wide boards also everybody's "score rest"
-- ARGV[1] incarnation  string
-- ARGV[2] state        open | closed
-- ARGV[3] n            batches up to which the archive has it
-- ARGV[4] visible      integer, entries that were written
-- ARGV[5] hidden       integer, hidden ones that were written
-- ARGV[6] layout       packed | wide
-- Reply {"opened"} | {"already"} | {"foreign"} | {"incomplete", visible, hidden}
local entries, hidden, meta, log, places = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local incarnation, state, n, visible, hidden_count, layout = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

if redis.call('HGET', meta, 'incarnation') == incarnation then return { 'already' } end
if redis.call('HGET', meta, 'restoring') ~= incarnation then return { 'foreign' } end
-- Without the placeholders. Hidden members of wide boards are in places only, beside the visible ones and the marks.
local there, fields = redis.call('ZCARD', entries) - 1, redis.call('HLEN', places) - 1
local hidden_there = layout == 'packed' and redis.call('ZCARD', hidden) - 1 or (fields - there) / 2
if layout == 'packed' and hidden_there ~= fields then hidden_there = -1 end
if there ~= tonumber(visible) or hidden_there ~= tonumber(hidden_count) then
  return { 'incomplete', there, hidden_there }
end
-- As in open_shard.lua: the archiver passes over it.
redis.call('XADD', log, '*', 'n', '0', 'd', '')
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HDEL', meta, 'restoring')
redis.call('HSET', meta, 'incarnation', incarnation, 'state', state, 'n', n, 'version', '0', 'cutoff', 'inf', 'hidden', hidden_count,
  'token', '0', 'rotated', string.format('%.0f', now_ms))
return { 'opened' }
