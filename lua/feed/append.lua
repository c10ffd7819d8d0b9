-- Append one frame: the published top changes, the stream gets it (id = offset), subscribers hear it, in one step.
-- [R 8] Refused unless lease, epoch and base offset all stand; the stream is the truth, the publication only a wake-up.
--
-- KEYS[1] lease   string
-- KEYS[2] state   hash
-- KEYS[3] top     zset
-- KEYS[4] frames  stream
-- ARGV[1] token    integer
-- ARGV[2] epoch    string
-- ARGV[3] base     integer, the offset before this frame
-- ARGV[4] frame    JSON text of the frame at base + 1
-- ARGV[5] channel  sharded pub/sub channel of the same slot
-- ARGV[6] limits   "retentionMs retentionBytes messageBytesMax"
-- ARGV[7] total    integer, members on the board
-- ARGV[8...] changes  number of removes, what is removed from the top, then score, member of what is added: members as the shards store them
-- Flags allow-oom
-- Reply {"appended"} | {"fenced"} | {"epoch"} | {"stale", offset}
local lease, state, top, frames = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local token, epoch, base, frame = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local channel, limits, total = ARGV[5], ARGV[6], ARGV[7]
-- @include "replid.lua"
-- @include "trim_frames.lua"

if redis.call('GET', lease) ~= token then return { 'fenced' } end
local now = redis.call('HMGET', state, 'epoch', 'offset', 'replid', 'bytes')
if now[1] ~= epoch or now[3] ~= replid() then return { 'epoch' } end
if now[2] ~= base then return { 'stale', now[2] } end

local offset = string.format('%.0f', tonumber(base) + 1)
local first_add = 9 + tonumber(ARGV[8])
if first_add > 9 then redis.call('ZREM', top, unpack(ARGV, 9, first_add - 1)) end
if first_add <= #ARGV then redis.call('ZADD', top, unpack(ARGV, first_add)) end

local retention_ms, retention_bytes, message_bytes_max = string.match(limits, '^(%d+) (%d+) (%d+)$')
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('XADD', frames, offset, 'f', frame, 't', string.format('%.0f', now_ms))
local bytes = trim_frames(frames, tonumber(now[4]) + #frame, now_ms - tonumber(retention_ms), tonumber(retention_bytes))
redis.call('HSET', state, 'offset', offset, 'total', total, 'bytes', string.format('%.0f', bytes))

local message = frame
if #frame > tonumber(message_bytes_max) then message = '{"epoch":"' .. epoch .. '","offset":' .. offset .. '}' end
redis.call('SPUBLISH', channel, message)
return { 'appended' }
