-- Put what was read from the database, if nothing was written meanwhile [R 12]: the token still stands, and no newer version was seen.
-- Token, version and copy are one key, so that what Redis evicts or forgets takes the right to fill with it.
--
-- KEYS[1] entry    hash     as in take.lua
-- ARGV[1] token    string
-- ARGV[2] version  integer  0: there never was such a profile
-- ARGV[3] refresh  integer  when a reader should refresh it, ms since the Unix epoch
-- ARGV[4] ttlMs    integer
-- ARGV[5] body     string   JSON, or empty: no such profile
-- Reply {"stored"} | {"refused"}
local entry = KEYS[1]
local token, version, refresh, ttl_ms, body = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local held = redis.call('HMGET', entry, 't', 'v')
if held[1] ~= token then return { 'refused' } end
redis.call('HDEL', entry, 't', 'u')
if held[2] and tonumber(version) < tonumber(held[2]) then return { 'refused' } end
redis.call('HSET', entry, 'v', version, 'r', refresh, 'b', body)
redis.call('PEXPIRE', entry, ttl_ms)
return { 'stored' }
