-- Give the right to fill back: the database did not answer.
--
-- KEYS[1] entry  hash    as in take.lua
-- ARGV[1] token  string
-- Reply {"released"} | {"gone"}
local entry = KEYS[1]
local token = ARGV[1]

if redis.call('HGET', entry, 't') ~= token then return { 'gone' } end
redis.call('HDEL', entry, 't', 'u')
return { 'released' }
