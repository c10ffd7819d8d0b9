-- Every frame after a position, or that they cannot be given complete: never a part of them.
--
-- KEYS[1] state   hash
-- KEYS[2] frames  stream
-- ARGV[1] epoch   string
-- ARGV[2] offset  integer, the last one the caller has
-- ARGV[3] max     most frames
-- Reply {"frames", frame, …} | {"snapshot_required"}
local state, frames = KEYS[1], KEYS[2]
local epoch, offset, max = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local now = redis.call('HMGET', state, 'epoch', 'offset', 'start')
local missing = now[2] and tonumber(now[2]) - offset
if now[1] ~= epoch or missing < 0 or missing > max or offset < tonumber(now[3]) then return { 'snapshot_required' } end
if missing == 0 then return { 'frames' } end

local entries = redis.call('XRANGE', frames, string.format('%.0f', offset + 1), '+')
if #entries ~= missing then return { 'snapshot_required' } end
local reply = { 'frames' }
for i = 1, #entries do reply[i + 1] = entries[i][2][2] end
return reply
