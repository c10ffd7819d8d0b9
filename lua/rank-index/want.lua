-- Say that somebody looks at ranks of these boards: marks that count for a while by the clock of Redis, since those of the processes
-- that make and read them may be minutes apart.
--
-- KEYS[1] wanted     zset  board -> until when, in ms
-- ARGV[1] forMs      integer
-- ARGV[2...] boards  strings
-- Flags allow-oom
-- Reply {"wanted"}
local wanted = KEYS[1]
local for_ms = tonumber(ARGV[1])

local time = redis.call('TIME')
local ends_at = time[1] * 1000 + math.floor(time[2] / 1000) + for_ms
for i = 2, #ARGV do redis.call('ZADD', wanted, ends_at, ARGV[i]) end
return { 'wanted' }
