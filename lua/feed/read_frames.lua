-- The frames behind a position with the instant of each, and the published top at the end of them: what becomes history. The top is
-- there where it is asked for and the frames reach it, and always where they do not follow the position: frames are lost then, or those
-- of another epoch.
--
-- KEYS[1] state   hash
-- KEYS[2] top     zset
-- KEYS[3] frames  stream
-- ARGV[1] incarnation  string
-- ARGV[2] epoch        string, of the last frame that the caller has; '' when it has none
-- ARGV[3] offset       integer, of that frame; 0 when it has none
-- ARGV[4] max          most frames
-- ARGV[5] top          1 when the top is asked for
-- Reply {"read", now, epoch, offset, total, newest, follows, {at, frame, …}, {member, score, …}} | {"unsettled"} | {"store_lost"}; now is by
--   this clock, offset and total are the feed's, newest is the instant of its last frame. Unsettled: the replication history has
--   changed, and no merger has answered with a fresh epoch yet
local state, top, frames = KEYS[1], KEYS[2], KEYS[3]
local incarnation, epoch, offset, max, wants_top = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
-- @include "replid.lua"

local now = redis.call('HMGET', state, 'incarnation', 'epoch', 'offset', 'total', 'replid', 'start')
if now[1] ~= incarnation then return { 'store_lost' } end
if now[5] ~= replid() then return { 'unsettled' } end

local head = tonumber(now[3])
local wanted = math.min(head - offset, max)
local follows = wanted >= 0 and (epoch == now[2] or (epoch == '' and now[6] == '0'))
local found = {}
if follows and wanted > 0 then
  local entries = redis.call('XRANGE', frames, string.format('%.0f', offset + 1), '+', 'COUNT', wanted)
  follows = #entries == wanted and entries[1][1] == string.format('%.0f-0', offset + 1)
  for i = 1, follows and wanted or 0 do
    local fields = entries[i][2]
    found[2 * i - 1], found[2 * i] = fields[4], fields[2]
  end
end

local rows = {}
-- The last row is the placeholder.
if not follows or (wants_top and offset + wanted == head) then rows = redis.call('ZRANGE', top, 0, -2, 'WITHSCORES') end
local newest = redis.call('XREVRANGE', frames, '+', '-', 'COUNT', 1)
local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
return { 'read', now_ms, now[2], now[3], now[4], newest[1][2][4], follows and 1 or 0, found, rows }
