-- Open the feed of a season. Opening again with the same incarnation changes nothing. A season that comes from the archive has its
-- whole top as the first frame: an empty one would be taken for the truth until a merger comes.
--
-- KEYS[1] state   hash
-- KEYS[2] top     zset    the published top
-- KEYS[3] frames  stream
-- KEYS[4] index   string  the rank index, empty until there is one
-- ARGV[1] incarnation  string
-- ARGV[2] epoch        string, random
-- ARGV[3] frame        JSON text of the frame at offset 1, or nothing: the season is empty, and so is ARGV from here on
-- ARGV[4] total        integer, members on the board
-- ARGV[5...] top       score, member of each row of that frame: members as the shards store them
-- Reply {"opened"} | {"already"}
local state, top, frames, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local incarnation, epoch, frame, total = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- @include "replid.lua"

if redis.call('HGET', state, 'incarnation') == incarnation then return { 'already' } end
redis.call('UNLINK', state, top, frames, index)
redis.call('HSET', state, 'incarnation', incarnation, 'epoch', epoch, 'offset', '0', 'start', '0',
  'replid', replid(), 'total', '0', 'bytes', '0')
-- Every key that a later script names exists from here on [R 1].
redis.call('SET', index, '')
redis.call('ZADD', top, 'inf', '')
redis.call('XADD', frames, '0-1', 'f', '', 't', '0')
if frame then
  local time = redis.call('TIME')
  local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('ZADD', top, unpack(ARGV, 5))
  redis.call('XADD', frames, '1', 'f', frame, 't', now_ms)
  redis.call('HSET', state, 'offset', '1', 'total', total, 'bytes', string.format('%.0f', #frame))
end
return { 'opened' }
