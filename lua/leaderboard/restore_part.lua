-- Write a part of a shard that is being restored, by one variadic command; not into a shard that somebody else has opened or begins
-- to restore meanwhile.
--
-- KEYS[1] meta    hash
-- KEYS[2] target  zset | set | hash
-- ARGV[1] incarnation  string, of the life that begins
-- ARGV[2] command      ZADD | SADD | HSET
-- ARGV[3...] values    the command's own, at most 4,000
-- Reply {"written"} | {"foreign"}
local meta, target = KEYS[1], KEYS[2]
local incarnation, command = ARGV[1], ARGV[2]

if redis.call('HGET', meta, 'restoring') ~= incarnation then return { 'foreign' } end
redis.call(command, target, unpack(ARGV, 3))
return { 'written' }
