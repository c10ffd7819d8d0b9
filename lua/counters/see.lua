-- Add members to those who played on a day. Sent again it changes nothing.
--
-- KEYS[1] players  string  HyperLogLog of members, expires
-- ARGV[1] dayEndsMs  integer, when the day is forgotten, in ms since the Unix epoch
-- ARGV[2…] members   strings, at most 1,000
-- Reply {"seen"}
local players = KEYS[1]
local day_ends_ms = ARGV[1]

redis.call('PFADD', players, unpack(ARGV, 2))
redis.call('PEXPIREAT', players, day_ends_ms)
return { 'seen' }
