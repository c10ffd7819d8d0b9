-- Take one submission out of review without counting it. Who takes it is told what it was; whoever comes later finds nothing.
--
-- KEYS[1] held  hash  id -> "rule value waitMs heldAtMs record"
-- KEYS[2] meta  hash
-- ARGV[1] incarnation  string
-- ARGV[2] id           string, not empty
-- Flags allow-oom
-- Reply {"taken", text} | {"gone"} | {"store_lost"}
local held, meta = KEYS[1], KEYS[2]
local incarnation, id = ARGV[1], ARGV[2]

if redis.call('HGET', meta, 'incarnation') ~= incarnation then return { 'store_lost' } end
local text = redis.call('HGET', held, id)
if not text then return { 'gone' } end
redis.call('HDEL', held, id)
return { 'taken', text }
