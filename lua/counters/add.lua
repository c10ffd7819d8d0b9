-- Add one flush of a process to its shard of a counter, once: a flush that is sent again after a lost reply changes nothing.
--
-- KEYS[1] total  hash    name -> count
-- KEYS[2] day    hash    name -> count, expires
-- KEYS[3] last   string  number of the last flush of this process that was added here, expires
-- ARGV[1] flush      integer, grows with every flush of the process
-- ARGV[2] keepMs     integer, how long the number is remembered
-- ARGV[3] dayEndsMs  integer, when the day's counts are forgotten, in ms since the Unix epoch
-- ARGV[4…] counts    name, amount, name, amount, …
-- Reply {"added"} | {"repeated"}
local total, day, last = KEYS[1], KEYS[2], KEYS[3]
local flush, keep_ms, day_ends_ms = ARGV[1], ARGV[2], ARGV[3]

if tonumber(redis.call('GET', last) or '0') >= tonumber(flush) then return { 'repeated' } end
for i = 4, #ARGV, 2 do
  redis.call('HINCRBY', total, ARGV[i], ARGV[i + 1])
  redis.call('HINCRBY', day, ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIREAT', day, day_ends_ms)
redis.call('SET', last, flush, 'PX', keep_ms)
return { 'added' }
