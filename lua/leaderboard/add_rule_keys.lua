-- Make the keys of score rules in a shard that was opened before there were any [R 1]. A shard that is lost stays lost [R 3].
--
-- KEYS[1] meta   hash
-- KEYS[2] rules  hash  member -> what the score rules remember of it
-- KEYS[3] held   hash  submissions held for review, by id
-- ARGV[1] incarnation  string
-- Reply {"there"} | {"store_lost"}
local meta, rules, held = KEYS[1], KEYS[2], KEYS[3]
local incarnation = ARGV[1]

if redis.call('HGET', meta, 'incarnation') ~= incarnation then return { 'store_lost' } end
redis.call('HSETNX', rules, '', '')
redis.call('HSETNX', held, '', '')
return { 'there' }
