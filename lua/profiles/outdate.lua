-- A profile is about to have a new version, or has it now: older copies go, and nobody who reads now may fill with an older one [R 12].
-- The tombstone is the version that stays.
--
-- KEYS[1] entry    hash     as in take.lua
-- ARGV[1] version  integer  the new one
-- ARGV[2] keepMs   integer  the tombstone's life, longer than a transaction may take
-- Reply {"outdated"} | {"newer"}
local entry = KEYS[1]
local version, keep_ms = ARGV[1], tonumber(ARGV[2])

local held = redis.call('HMGET', entry, 'v', 'b')
if held[1] and held[2] and tonumber(held[1]) >= tonumber(version) then return { 'newer' } end
-- First what needs no memory: a full Redis takes the rest once something was written.
redis.call('HDEL', entry, 't', 'u', 'r', 'b')
if not held[1] or tonumber(held[1]) < tonumber(version) then redis.call('HSET', entry, 'v', version) end
redis.call('PEXPIRE', entry, keep_ms)
return { 'outdated' }
