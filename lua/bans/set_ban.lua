-- Tell every process of a ban, or that one is over. An older version of a ban never takes the place of a newer one.
--
-- KEYS[1] bans  hash  member -> "version state mode untilMs"; the version of the whole under ''
-- ARGV[1] member   string
-- ARGV[2] version  integer
-- ARGV[3] record   what follows the version; '' where the ban is over
-- Flags allow-oom
-- Reply {"set"} | {"older"}
local bans = KEYS[1]
local member, version, record = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local known = redis.call('HGET', bans, member)
if known and tonumber(string.match(known, '^%d+')) > version then return { 'older' } end
if record == '' then
  redis.call('HDEL', bans, member)
else
  redis.call('HSET', bans, member, string.format('%.0f ', version) .. record)
end
redis.call('HINCRBY', bans, '', 1)
return { 'set' }
