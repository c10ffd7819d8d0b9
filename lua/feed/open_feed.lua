-- Open the feed of a season. Opening again with the same incarnation changes nothing.
--
-- KEYS[1] state   hash
-- KEYS[2] top     zset    the published top
-- KEYS[3] frames  stream
-- KEYS[4] index   string  the rank index, empty until there is one
-- ARGV[1] incarnation  string
-- ARGV[2] epoch        string, random
-- Reply {"opened"} | {"already"}
local state, top, frames, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local incarnation, epoch = ARGV[1], ARGV[2]
-- @include "replid.lua"

if redis.call('HGET', state, 'incarnation') == incarnation then return { 'already' } end
redis.call('UNLINK', state, top, frames, index)
redis.call('HSET', state, 'incarnation', incarnation, 'epoch', epoch, 'offset', '0', 'start', '0',
  'replid', replid(), 'total', '0', 'bytes', '0')
-- Every key that a later script names exists from here on [R 1].
redis.call('SET', index, '')
redis.call('ZADD', top, 'inf', '')
redis.call('XADD', frames, '0-1', 'f', '', 't', '0')
return { 'opened' }
